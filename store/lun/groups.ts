// Target port groups in a LUN's file: what an array would keep of them, a row for each, with a count of the changes that is
// in a mapped word as well.
import type Database from 'better-sqlite3'
import type { GroupStore, KeptGroup } from '../../adapters/ports.ts'
import { ACCESS_STATES } from '../../machines/words.ts'

export const GROUP_SCHEMA = `
CREATE TABLE IF NOT EXISTS port_groups (
  id         INTEGER PRIMARY KEY CHECK (id BETWEEN 0 AND 65535),
  access     TEXT NOT NULL,
  preferred  INTEGER NOT NULL,
  listed     INTEGER NOT NULL,
  version    INTEGER NOT NULL
) STRICT;
`

/** What is kept; a group in a state that ALUA does not have is left out. */
export function readGroups(db: Database.Database): KeptGroup[] {
  const rows = db
    .prepare<[], { id: number; access: string; preferred: number; listed: number }>(
      'SELECT id, access, preferred, listed FROM port_groups ORDER BY id',
    )
    .all()
  return rows.flatMap(({ id, access, preferred, listed }) => {
    const known = ACCESS_STATES.find((state) => state === access)
    return known === undefined
      ? []
      : [{ id, access: known, preferred: preferred === 1, listed: listed === 1 }]
  })
}

/** How often they have changed. */
export function groupsVersion(db: Database.Database): number {
  return Number(db.prepare('SELECT coalesce(max(version), 0) FROM port_groups').pluck().get())
}

/** Keeps groups, inside the caller's transaction; those that are kept already only with `replace`. */
export function writeGroups(db: Database.Database, groups: readonly KeptGroup[], replace: boolean): void {
  const version = groupsVersion(db) + 1
  const insert = db.prepare(
    `INSERT OR ${replace ? 'REPLACE' : 'IGNORE'} INTO port_groups VALUES (?, ?, ?, ?, ?)`,
  )
  for (const { id, access, preferred, listed } of groups) {
    insert.run(id, access, preferred ? 1 : 0, listed ? 1 : 0, version)
  }
}

/** What the groups of one LUN are read from and written to. */
interface GroupKeeper {
  read(): readonly KeptGroup[]
  write(groups: readonly KeptGroup[], replace: boolean): Promise<void>
}

/**
 * The groups of one LUN. While a change of our own is on its way, what is read may be older than what we know. One that
 * cannot be written is taken back: afterwards what the file says counts.
 */
export class KeptGroups implements GroupStore {
  readonly #keeper: GroupKeeper
  readonly #listeners = new Set<() => void>()
  #writing = 0

  constructor(keeper: GroupKeeper) {
    this.#keeper = keeper
  }

  read(): readonly KeptGroup[] {
    return this.#keeper.read()
  }

  begin(groups: readonly KeptGroup[]): void {
    this.#write(groups, false)
  }

  write(group: KeptGroup): void {
    this.#write([group], true)
  }

  onChange(listener: () => void): void {
    this.#listeners.add(listener)
  }

  /** They may be others now. */
  changed(): void {
    if (this.#writing > 0) return
    for (const listener of this.#listeners) listener()
  }

  #write(groups: readonly KeptGroup[], replace: boolean): void {
    this.#writing += 1
    this.#keeper
      .write(groups, replace)
      .catch(() => undefined)
      .finally(() => {
        this.#writing -= 1
        this.changed()
      })
  }
}
