// What to do, and where to look first: what the root says, what failed together with it, and what the path is now.
import { adviceOf, layerOf, SHARED_ADVICE, TAKEN_BACK } from './layers.ts'
import { isIdentity, type Told } from './history.ts'
import { comesBack } from './reasons.ts'
import type { Together } from './together.ts'
import type { ExplainRoot, Layer } from './types.ts'

/** What an explanation has found, as far as advice depends on it. */
export interface Found {
  readonly root: ExplainRoot
  /** The event at the beginning of the chain. */
  readonly end: Told | null
  readonly together: Together | null
  /** Whether it goes on. */
  readonly now: boolean
  /** The events of the path that it is about; none for a head that has no such path. */
  readonly path: readonly Told[]
}

/** Of what a comparison with other paths can tell more. */
const COMPARED = ['pathError', 'deviceState']

/** The layer in which to look first. */
export function whereToLook({ root, together }: Pick<Found, 'root' | 'together'>): Layer {
  const own = layerOf(root)
  if (together === null || together.what === 'none' || !COMPARED.includes(root.kind)) return own
  return together.what === 'unit' ? 'target' : together.what
}

/** What to do about it. */
export function whatToDo(found: Found): string {
  const { root, now } = found
  if (root.kind === 'nothing') return adviceOf(root)
  const over = !now && PASSES.includes(root.kind) ? 'It is over. Should it come again:' : ''
  const parts = [over, whatFirst(found), takenBack(found), byItself(found), timerSays(root)]
  return parts.filter((part) => part !== '').join(' ')
}

function whatFirst({ root, together }: Found): string {
  if (together === null || together.what === 'none' || !COMPARED.includes(root.kind)) return adviceOf(root)
  return SHARED_ADVICE[together.what]
}

/** How who asked for it takes it back. */
function takenBack({ root, end, now }: Found): string {
  return root.kind === 'operator' && now && end !== null ? (TAKEN_BACK[end.type] ?? '') : ''
}

function byItself({ root, end, now, path }: Found): string {
  const mayCome = now && root.kind === 'pathError' && (end === null || !isIdentity(end))
  return mayCome && comesBack(path) ? 'The checker brings it back by itself when it answers again.' : ''
}

function timerSays({ timer, kind }: ExplainRoot): string {
  if (timer === null || kind === 'timer') return ''
  return `The timer '${timer}' ran out over it: see whether its time is long enough.`
}

/** What is over when it is over: nobody's data is in doubt afterwards. */
const PASSES = ['pathError', 'deviceState', 'accessState', 'slow', 'silent', 'identity']
