"""The library from Python, with ctypes and nothing else: writes notes, waits for the events that tell
of them, and prints all notes in the order of their ids, a line of JSON each.

    notes.py LIBP2PSYNC DIR ID=TEXT...
"""
import ctypes
import json
import select
import sys
from ctypes import POINTER, byref, c_bool, c_char_p, c_int, c_size_t, c_uint16, c_uint64, c_void_p

EEXIST, EAGAIN, EEND = -11, -25, -30  # P2PSYNC_RESULTS
RECORD_CHANGED = 1  # p2psync_event_type


class Bytes(ctypes.Structure):  # struct p2psync_bytes and p2psync_buffer
    _fields_ = [("data", c_void_p), ("size", c_size_t)]


class Options(ctypes.Structure):  # struct p2psync_options, as far as it is needed
    _fields_ = [
        ("size", c_size_t), ("dir", c_char_p),
        ("log", c_void_p), ("log_user", c_void_p), ("log_level", c_int),
        ("durability", c_int), ("map_size_bytes", c_uint64),
        ("listen", c_char_p), ("interfaces", POINTER(c_char_p)), ("interface_count", c_size_t),
        ("peers", POINTER(c_char_p)), ("peer_count", c_size_t),
        ("beacon_port", c_uint16), ("no_beacon", c_bool),
    ]


class Record(ctypes.Structure):  # struct p2psync_record, its beginning
    _fields_ = [
        ("size", c_size_t), ("id", c_void_p), ("id_size", c_size_t), ("fields", Bytes),
    ]  # what follows in the header is not needed here: `size` says so to the library


class Error(Exception):
    def __init__(self, library, result):
        super().__init__(library.p2psync_strerror(result).decode())
        self.result = result


class Node:
    """A node that runs as long as its `with` block."""

    def __init__(self, path, directory, **options):
        self.library = ctypes.CDLL(path)
        self.library.p2psync_strerror.restype = c_char_p
        self.library.p2psync_value_from_json.argtypes = [c_char_p, c_size_t, POINTER(Bytes), c_void_p]
        self.library.p2psync_value_to_json.argtypes = [Bytes, POINTER(Bytes)]
        self.library.p2psync_put.argtypes = [c_void_p, c_char_p, c_char_p, Bytes, c_char_p]
        self.library.p2psync_iterator_open.argtypes = [c_void_p, c_char_p, c_void_p, c_void_p]
        self.library.p2psync_close.restype = None
        self.handle = c_void_p()
        wanted = Options(size=ctypes.sizeof(Options), dir=directory.encode(), **options)
        self.check(self.library.p2psync_open(byref(wanted), byref(self.handle), None))

    def __enter__(self):
        result = self.library.p2psync_init(self.handle, None, None, None)
        self.check(0 if result == EEXIST else result)
        self.check(self.library.p2psync_start(self.handle))
        return self

    def __exit__(self, *_):
        self.library.p2psync_close(self.handle)

    def check(self, result):
        if result != 0:
            raise Error(self.library, result)

    def pack(self, value):
        text = json.dumps(value).encode()
        packed = Bytes()
        self.check(self.library.p2psync_value_from_json(text, len(text), byref(packed), None))
        return packed

    def unpack(self, packed):
        text = Bytes()
        self.check(self.library.p2psync_value_to_json(packed, byref(text)))
        value = json.loads(ctypes.string_at(text.data, text.size))
        self.library.p2psync_buffer_free(byref(text))
        return value

    def put(self, collection, record, fields):
        packed = self.pack(fields)
        result = self.library.p2psync_put(self.handle, collection.encode(), record.encode(), packed, None)
        self.library.p2psync_buffer_free(byref(packed))
        self.check(result)

    def records(self, collection):
        snapshot, iterator, record = c_void_p(), c_void_p(), Record(size=ctypes.sizeof(Record))
        self.check(self.library.p2psync_snapshot_open(self.handle, byref(snapshot)))
        try:
            self.check(self.library.p2psync_iterator_open(snapshot, collection.encode(), None, byref(iterator)))
            while True:
                result = self.library.p2psync_iterator_next(iterator, byref(record))
                if result == EEND:
                    return
                self.check(result)
                yield ctypes.string_at(record.id, record.id_size).decode(), self.unpack(record.fields)
        finally:
            self.library.p2psync_iterator_close(iterator)
            self.library.p2psync_snapshot_close(snapshot)

    def event_fd(self):
        fd = c_int()
        self.check(self.library.p2psync_event_fd(self.handle, byref(fd)))
        return fd.value

    def events(self, timeout_ms):
        """Events as they come, until none came for so long."""
        poller = select.poll()
        poller.register(self.event_fd(), select.POLLIN)
        while True:
            kind, data = c_int(), Bytes()
            result = self.library.p2psync_event_next(self.handle, byref(kind), byref(data))
            if result == EAGAIN:
                if not poller.poll(timeout_ms):
                    return
                continue
            self.check(result)
            event = self.unpack(data)
            self.library.p2psync_buffer_free(byref(data))
            yield kind.value, event


def main():
    path, directory, *notes = sys.argv[1:]
    with Node(path, directory, listen=b"127.0.0.1", no_beacon=True) as node:
        node.event_fd()  # every change from here on is told
        waiting = set()
        for note in notes:
            record, text = note.split("=", 1)
            node.put("notes", record, {"text": text})
            waiting.add(record)
        for kind, event in node.events(timeout_ms=60000):
            if kind == RECORD_CHANGED:
                waiting.discard(event["id"])
            if not waiting:
                break
        if waiting:
            sys.exit(f"no event told of {waiting}")
        for record, fields in node.records("notes"):
            print(json.dumps({"id": record, **fields}))


if __name__ == "__main__":
    main()
