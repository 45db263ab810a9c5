// What a question of `pathledger audit` is: its options, the call that answers it, and its table.
import type { FileReader } from '../../store/read/reader.ts'
import type { NameOf } from '../names.ts'
import type { Paint } from '../text.ts'

/** What was typed. */
export interface Options extends Partial<Record<OptionName, string>> {
  readonly json?: true
}

export type OptionName =
  'path' | 'head' | 'from' | 'to' | 'since' | 'until' | 'within' | 'every' | 'failures' | 'offset' | 'length'

/** A question with its kind of row. */
interface QuestionOf<Row> {
  readonly name: string
  readonly asks: string
  readonly example: readonly [options: string, what: string] | null
  readonly options: readonly OptionName[]
  readonly required?: readonly OptionName[]
  readonly rows: (reader: FileReader, options: Options) => readonly Row[]
  readonly table: (rows: readonly Row[], nameOf: NameOf, paint: Paint) => string[][]
  /** The stream that a row is about, so that a program gets its name. */
  readonly streamOf?: (row: Row) => string
  /** Rows that mean that something is wrong with the ledger: exit code 5. */
  readonly isBad?: (row: Row) => boolean
}

/** A question, whatever its rows. */
export type Question = QuestionOf<object>

/** Forgets the kind of row: rows go from `rows` to the other functions of the same question, and nowhere else. */
export function question<Row extends object>(one: QuestionOf<Row>): Question {
  return one as unknown as Question
}
