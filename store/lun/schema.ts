// The tables of a LUN's file. Small and short-lived: what is over is deleted; the history is on the ledgers.

import type { KeptGroup } from '../../adapters/ports.ts'
import type { ReservationRequest } from './types.ts'

/** 'PLUN': what `file` and a wrong open go by. */
export const LUN_APPLICATION_ID = 0x504c554e
/** 1: ghosts and attachments. 2: reservations. 3: target port groups. An older file is brought up to this one. */
export const LUN_SCHEMA_VERSION = 3

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
  final        INTEGER NOT NULL,
  PRIMARY KEY (engine, path)
) STRICT;
`

/** What the worker is asked to write. */
export type LunWrite =
  | { readonly kind: 'openGhosts'; readonly ghosts: readonly object[] }
  | { readonly kind: 'endGhosts'; readonly ids: readonly string[] }
  | { readonly kind: 'attach'; readonly attachment: object }
  | { readonly kind: 'detach'; readonly engine: string; readonly path: string }
  | { readonly kind: 'join'; readonly engine: string; readonly initiator: string }
  | { readonly kind: 'leave'; readonly engine: string }
  | { readonly kind: 'acknowledge'; readonly engine: string; readonly epoch: number }
  | { readonly kind: 'reserve'; readonly request: ReservationRequest }
  | { readonly kind: 'groups'; readonly groups: readonly KeptGroup[]; readonly replace: boolean }
  | { readonly kind: 'isLetGo'; readonly device: string }

/** What the worker answers; id -1 says that one of the shared words has changed. */
export interface LunAnswer {
  readonly id: number
  readonly error: string | null
  readonly value?: unknown
}
