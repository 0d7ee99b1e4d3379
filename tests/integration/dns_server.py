"""A name server for tests: answers MX, A and AAAA questions over UDP from a table."""
import ipaddress
import socket
import struct
import threading

TYPES = {1: "A", 15: "MX", 28: "AAAA"}


def encode_name(name):
    labels = [label for label in name.rstrip(".").split(".") if label]
    return b"".join(bytes([len(label)]) + label.encode() for label in labels) + b"\0"


class DnsServer:
    """records: {"name": {"MX": [(10, "host")], "A": ["192.0.2.1"]}}; a name that is not there does not exist; one that is
    mapped to None is answered with a failure."""

    def __init__(self, records):
        self.records = {name.lower(): value for name, value in records.items()}
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.address = f"127.0.0.1@{self.socket.getsockname()[1]}"
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                question, peer = self.socket.recvfrom(4096)
                self.socket.sendto(self.answer(question), peer)
            except OSError:
                return

    def answer(self, packet):
        number, = struct.unpack_from("!H", packet)
        labels, at = [], 12
        while packet[at]:
            labels.append(packet[at + 1:at + 1 + packet[at]].decode())
            at += 1 + packet[at]
        end = at + 5
        kind = TYPES.get(struct.unpack_from("!H", packet, at + 1)[0])
        name = ".".join(labels).lower()
        known = name in self.records or any(n.endswith("." + name) for n in self.records)
        record = self.records.get(name, {})
        data = [self.encode(kind, value) for value in (record or {}).get(kind, [])]
        code = 2 if record is None else 0 if known else 3
        head = struct.pack("!HHHHHH", number, 0x8180 | code, 1, len(data), 0, 0)
        number = struct.unpack_from("!H", packet, at + 1)[0]
        body = b"".join(b"\xc0\x0c" + struct.pack("!HHIH", number, 1, 60, len(d)) + d for d in data)
        return head + packet[12:end] + body

    @staticmethod
    def encode(kind, value):
        if kind == "MX":
            return struct.pack("!H", value[0]) + encode_name(value[1])
        return ipaddress.ip_address(value).packed

    def close(self):
        self.socket.close()
