Gráe aus K”ln, 50 ø
