Good morning,

please read the list.
