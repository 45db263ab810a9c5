// The tables of a LUN's file. Small and short-lived: what is over is deleted; the history is on the ledgers.

/** 'PLUN': what `file` and a wrong open go by. */
export const LUN_APPLICATION_ID = 0x504c554e
export const LUN_SCHEMA_VERSION = 1

export const LUN_SCHEMA = `
CREATE TABLE IF NOT EXISTS ghosts (
  id           TEXT PRIMARY KEY,
  engine       TEXT NOT NULL,
  path         TEXT NOT NULL,
  incarnation  INTEGER NOT NULL,
  op           TEXT NOT NULL,
  offset       INTEGER NOT NULL,
  length       INTEGER NOT NULL,
  reason       TEXT NOT NULL,
  openedAtUs   INTEGER NOT NULL,
  bootId       TEXT NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS attachments (
  engine       TEXT NOT NULL,
  path         TEXT NOT NULL,
  incarnation  INTEGER NOT NULL,
  device       TEXT NOT NULL,
  bootId       TEXT NOT NULL,
  PRIMARY KEY (engine, path)
) STRICT;
`

/** What the worker is asked to write. */
export type LunWrite =
  | { readonly kind: 'openGhosts'; readonly ghosts: readonly object[] }
  | { readonly kind: 'endGhosts'; readonly ids: readonly string[] }
  | { readonly kind: 'attach'; readonly attachment: object }
  | { readonly kind: 'detach'; readonly engine: string; readonly path: string }
