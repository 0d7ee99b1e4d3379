"""The peer in Python: parse each file with its email package and decode every part.

email_loop.py REPEAT FILE...    prints "MESSAGES BYTES CPU-SECONDS" """
import email
import email.policy
import sys
import time


def convert(path):
    with open(path, "rb") as file:
        data = file.read()
    message = email.message_from_bytes(data, policy=email.policy.default)
    for name in ("Subject", "From", "To", "Date"):
        message[name]
    for part in message.walk():
        if not part.is_multipart():
            part.get_payload(decode=True)
    return len(data)


def main():
    repeat, paths = int(sys.argv[1]), sys.argv[2:]
    begin = time.process_time()
    size = sum(convert(path) for _ in range(repeat) for path in paths)
    print(repeat * len(paths), size, time.process_time() - begin)


main()
