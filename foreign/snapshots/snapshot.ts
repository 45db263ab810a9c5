// What a snapshot states: who is who, and which state it had when it was taken. Never since when.
import type { Statement } from '../types.ts'

/** One thing that a snapshot states, with the line where it stands. */
export interface Stated {
  readonly line: number
  readonly statement: Statement
}

/** A reader of one kind of snapshot: null where the lines are not of its kind. */
export type SnapshotReader = (lines: readonly string[]) => Stated[] | null

/** A statement of a snapshot; what is undefined is left out. */
export function stated(
  line: number,
  says: string,
  fields: Readonly<Record<string, string | undefined>>,
): Stated {
  const known: Record<string, string> = {}
  for (const [name, value] of Object.entries(fields))
    if (value !== undefined && value !== '') known[name] = value
  return { line, statement: { template: `snapshot.${says}`, says, fields: known } }
}
