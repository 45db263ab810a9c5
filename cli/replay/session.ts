// Stepping through a ledger at a terminal: keys come in, text goes out. No terminal is needed to test it.
import type { ReplayStep, Stepper } from '../../doors/ledger.ts'
import type { NameOf } from '../names.ts'
import { describeState } from '../show/state.ts'
import type { Paint } from '../text.ts'
import { stepLines } from './step-lines.ts'

export const KEYS_HELP = `n, space or right  the next event          p or left  the event before
N or down          the next that changes  P or up    the one before that changed
f                  the next failure       g 17 Enter go to position 17
s                  every head and path    h          this help
q                  quit
`

/** What a session needs. */
export interface Session {
  readonly stepper: Stepper
  /** Keys in pieces as a terminal sends them: one, or several at once. */
  readonly keys: AsyncIterable<string>
  readonly out: (text: string) => Promise<void>
  readonly nameOf: NameOf
  readonly paint: Paint
}

/** Steps until `q`, Ctrl-C, Ctrl-D or the end of the keys. */
export async function stepThrough(session: Session): Promise<void> {
  const { keys, out, stepper } = session
  const where = `Position ${stepper.position}. Keys: n next, p back, h help, q quit.\n`
  await out(`${view(session, stepper.last)}${session.paint.dim(where)}`)
  for await (const command of commands(keys)) {
    if (command === QUIT) return
    await out(typeof command === 'number' ? jump(session, command) : press(session, command))
  }
}

const QUIT = 'q'
const ESCAPE = String.fromCharCode(27)
/** What a terminal sends for a key, by what it means here: arrows, Enter, Ctrl-C and Ctrl-D. */
const MEANS: Readonly<Record<string, string>> = {
  [`${ESCAPE}[C`]: 'n',
  [`${ESCAPE}[D`]: 'p',
  [`${ESCAPE}[B`]: 'N',
  [`${ESCAPE}[A`]: 'P',
  ' ': 'n',
  '\r': '\n',
  [String.fromCharCode(3)]: QUIT,
  [String.fromCharCode(4)]: QUIT,
}
const KEY = new RegExp(`${ESCAPE}\\[[A-D]|[^]`, 'gu')

/** Keys one by one; several may come in one piece. */
async function* singleKeys(pieces: AsyncIterable<string>): AsyncGenerator<string> {
  for await (const piece of pieces) {
    for (const [typed] of piece.matchAll(KEY)) yield MEANS[typed] ?? typed
  }
}

/** Keys, where `g`, digits and Enter become a position. */
async function* commands(pieces: AsyncIterable<string>): AsyncGenerator<string | number> {
  let digits: string | null = null
  for await (const key of singleKeys(pieces)) {
    if (digits === null && key === 'g') digits = ''
    else if (digits === null) yield key
    else if (/^\d$/.test(key)) digits += key
    else {
      // Anything but Enter calls it off.
      if (digits !== '' && key === '\n') yield Number(digits)
      digits = null
    }
  }
}

function press(session: Session, key: string): string {
  const { stepper, paint } = session
  switch (key) {
    case 'n':
    case '\n':
      return moved(session, stepper.next(), 'This is the end of the ledger.')
    case 'p':
      stepper.back()
      return moved(session, stepper.last ?? again(stepper), 'This is before the first event.')
    case 'N':
      return moved(
        session,
        seek(() => stepper.next(), changes),
        'Nothing changes any more.',
      )
    case 'P':
      return moved(session, seekBack(stepper), 'Nothing changed before.')
    case 'f':
      return moved(
        session,
        seek(() => stepper.next(), fails),
        'No failure follows.',
      )
    case 's':
      return describeState(stepper.state, paint)
    case 'h':
    case '?':
      return KEYS_HELP
    default:
      return ''
  }
}

function jump(session: Session, position: number): string {
  const { stepper } = session
  stepper.goTo(position)
  return moved(session, stepper.last, 'This is before the first event.')
}

function moved(session: Session, step: ReplayStep | null, otherwise: string): string {
  return step === null ? `${session.paint.dim(otherwise)}\n` : view(session, step)
}

/** The step, and the state of every path and head after it. */
function view({ stepper, nameOf, paint }: Session, step: ReplayStep | null): string {
  if (step === null) return ''
  return `${stepLines(step, nameOf, paint)}${describeState(stepper.state, paint)}\n`
}

/** After a jump back the step that led here is not kept: it is taken again. */
function again(stepper: Stepper): ReplayStep | null {
  const { position } = stepper
  if (position === 0) return null
  stepper.goTo(position)
  return stepper.last
}

function seek(next: () => ReplayStep | null, wanted: (step: ReplayStep) => boolean): ReplayStep | null {
  for (let step = next(); step !== null; step = next()) if (wanted(step)) return step
  return null
}

function seekBack(stepper: Stepper): ReplayStep | null {
  while (stepper.back() !== null) {
    const step = stepper.last ?? again(stepper)
    if (step !== null && changes(step)) return step
  }
  return null
}

const changes = ({ change }: ReplayStep): boolean => change.state.length > 0
const fails = ({ event }: ReplayStep): boolean =>
  /\.(failed|broke|bioPoisoned|ioFailed|flushFailed)$/.test(event.type)
