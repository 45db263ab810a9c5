// Does a row that is on a ledger fit what its type says, whatever its hash says? The same question as at the edge, where it came in
// (check-event.ts), asked of a row that may have come in otherwise.
import { messageOf, PathledgerError } from '../../errors.ts'
import { OBSERVED_SCHEMA } from '../../machines/observed/events.ts'
import { checkEvent } from '../../machines/registry.ts'
import { upcast } from '../../machines/upcast.ts'

/** What the question is asked of. */
export interface Payload {
  readonly position: number
  readonly stream: string
  readonly type: string
  readonly schema: number
  /** JSON. */
  readonly data: string
}

/** What is wrong with a payload, in a sentence; null when nothing is. */
export function misfit({ position, stream, type, schema, data }: Payload): string | null {
  try {
    const parsed = JSON.parse(data) as unknown
    const lifted = upcast({ type, schema, data: parsed as Readonly<Record<string, unknown>> })
    checkEvent(stream, type, lifted, schema === OBSERVED_SCHEMA ? schema : 1)
    if ((type === 'ledger.header') !== (position === 1)) return 'There is one header, at position 1.'
    return JSON.stringify(parsed) === data ? null : repeatedKey(data)
  } catch (error) {
    if (error instanceof SyntaxError) return `Its payload is no JSON: ${messageOf(error)}.`
    return `Its payload does not fit its type: ${error instanceof PathledgerError ? error.why : messageOf(error)}`
  }
}

/** SQLite takes the first of two values under one key, JavaScript the last: each reader would be told something else. */
function repeatedKey(json: string): string | null {
  const keys: (Set<string> | null)[] = []
  let before = ''
  for (const [token] of json.matchAll(/"(?:[^"\\]|\\.)*"|[{}[\]:]/g)) {
    if (token === '{') keys.push(new Set())
    else if (token === '[') keys.push(null)
    else if (token === '}' || token === ']') keys.pop()
    else if (token === ':') {
      const key = JSON.parse(before) as string
      if (keys.at(-1)?.has(key) === true) return `Its payload has the key ${JSON.stringify(key)} twice.`
      keys.at(-1)?.add(key)
    }
    before = token
  }
  return null
}
