#!/usr/bin/env python3
"""Verify a pathledger ledger without pathledger: python3 verify-ledger.py FILE|EXPORT.ndjson [EVENTS:HASH]

Written from docs/ledger.md alone; the standard library is all it needs. It checks types, positions, versions, event ids, causes,
every hash, and the head; with EVENTS:HASH (of a signed head, once its signature is checked) also that the ledger had that hash there.
It does not decide anything again: `pathledger verify` does. Exits with 0 when all of it holds, and with 5 when something does not.
"""
import hashlib, json, sqlite3, sys

COLUMNS = ['position', 'event_id', 'stream', 'version', 'type', 'schema', 'recorded_at_us', 'mono_us', 'boot_id',
           'cause', 'actor', 'reason', 'data', 'decision', 'hash']
EXPORTED = ['position', 'eventId', 'stream', 'version', 'type', 'schema', 'recordedAtUs', 'monoUs', 'bootId',
            'cause', 'actor', 'reason', 'data', 'decision', 'hash']
INTEGERS = {'position', 'version', 'schema', 'recorded_at_us', 'mono_us', 'cause'}
NULLABLE = {'cause', 'reason'}


class Bad(Exception):
    pass


class Text(bytes):
    """A TEXT as its bytes are stored: it is not to pass for a BLOB, and no decoding may hide what is not UTF-8."""


def file_rows(name):
    db = sqlite3.connect('file:%s?mode=ro' % name.replace('%', '%25').replace('?', '%3f').replace('#', '%23'), uri=True)
    db.execute('BEGIN')  # one moment, whatever is written meanwhile
    kinds = dict(db.execute("SELECT name, type FROM sqlite_schema").fetchall())
    if kinds.get('events') != 'table' or kinds.get('ledger_head') != 'table':
        raise Bad('it has no table of events, or no head')
    if 'view' in kinds.values():
        raise Bad('it has a view, which no ledger has')
    db.text_factory = Text
    heads = db.execute('SELECT events, hash FROM ledger_head').fetchall()
    rows = db.execute('SELECT %s FROM events NOT INDEXED ORDER BY position' % ', '.join(COLUMNS))
    return rows, heads


def export_rows(name):
    heads = []

    def rows():
        with open(name, encoding='utf-8', newline='\n') as lines:
            for line in lines:
                if heads:
                    raise Bad('a line stands behind the last one')
                row = json.loads(line)
                if 'position' not in row:
                    heads.append((row['events'], bytes.fromhex(row['hash'])))
                    continue
                values = [row[key] for key in EXPORTED]
                values[-1] = bytes.fromhex(values[-1])
                yield [Text(value.encode()) if isinstance(value, str) else value for value in values]
    return rows(), heads


def encoding(row):
    parts = []
    for column, value in zip(COLUMNS[:-1], row):
        if value is None:
            if column not in NULLABLE:
                raise Bad('%s is NULL' % column)
            parts.append(b'-')
            continue
        if type(value) is not (int if column in INTEGERS else Text):
            raise Bad('%s is not of its type' % column)
        stored = b'%d' % value if column in INTEGERS else bytes(value)
        stored.decode()
        parts.append(b'%d:%s' % (len(stored), stored))
    return b''.join(parts)


def verify(rows, heads, known=None):
    position, before, versions, ids = 0, bytes(32), {}, set()
    try:
        for row in rows:
            position += 1
            at, event_id, stream, version, kind = row[:5]
            if at != position:
                raise Bad('position %r is there' % at)
            if hashlib.sha256(before + encoding(row)).digest() != row[-1] or type(row[-1]) is not bytes:
                raise Bad('its hash does not follow')
            if (kind == b'ledger.header') != (position == 1):
                raise Bad('there is one header, at position 1')
            if version != versions.get(stream, 0) + 1:
                raise Bad('its version is %d after %d' % (version, versions.get(stream, 0)))
            if event_id in ids:
                raise Bad('its event id is there already')
            if row[9] is not None and not 0 < row[9] < position:
                raise Bad('its cause does not lie before it')
            versions[stream] = version
            ids.add(event_id)
            if kind == b'ledger.stateCarried':  # streams of the segment before go on from there
                for name, standing in json.loads(row[12])['streams'].items():
                    versions.setdefault(Text(name.encode()), standing['version'])
            before = row[-1]
            if known and known[0] == position and known[1] != before.hex():
                raise Bad('it is not what was signed')
        if len(heads) != 1 or heads[0] != (position, before):
            raise Bad('the head does not say that this is the end')
        if known and known[0] > position:
            raise Bad('%d events were signed' % known[0])
    except (Bad, KeyError, TypeError, ValueError) as error:
        raise Bad('position %d: %s' % (position, error)) from error
    return position, before.hex()


def main(name, known=None):
    with open(name, 'rb') as file:
        is_file = file.read(16) == b'SQLite format 3\0'
    if known:
        events, known_hash = known.split(':')
        known = (int(events), known_hash)
    try:
        print('%d events, chain ok, head %s' % verify(*(file_rows if is_file else export_rows)(name), known))
        return 0
    except (Bad, sqlite3.Error) as error:
        print(ascii(str(error)), file=sys.stderr)
        return 5


if __name__ == '__main__':
    sys.exit(main(*sys.argv[1:]) if 2 <= len(sys.argv) <= 3 else __doc__)
