// The hang filter: I/O is held until it is let go, answered, or dropped. Manual: docs/filters/hang.md.
import { checkFields } from '../../errors/arguments.ts'
import { checkDevice } from '../scsi/device-shape.ts'
import { PathledgerError } from '../../errors.ts'
import { completeSoon, failed } from '../completions.ts'
import type { FilterControl, IoDone, IoRequest, PathDevice, ScsiAnswer, ScsiCommand } from '../ports.ts'
import { notAnswered } from '../scsi/answers.ts'
import { actsOn, checkErrno, checkOp, extendSwitch, filterSwitch, wrapPath } from './wrap.ts'
import type { Filtered, FilteredOp } from './wrap.ts'

/** Which I/O is held. */
export interface HangSettings {
  readonly op: FilteredOp
}

/** The switch of a hang filter, and what can be done with the I/O it holds. */
export interface HangControl extends FilterControl<HangSettings> {
  /** I/Os held now, those already answered included. SCSI commands are held too, where `op` is all, and not counted. */
  readonly held: number
  /** Lets what is held go on to the path, in the order it came. The filter stays on. Returns how many went. */
  release(): number
  /** Completes what is held with an error and never does it. Returns how many were unanswered. */
  drop(errno: string): number
  /**
   * Completes what is held with an error, and still does it at `release`: the late write of a path whose errors are
   * not final. Throws FILTER_ERRORS_ARE_FINAL on a path that declares them final. Returns how many were unanswered.
   */
  answer(errno: string): number
}

/**
 * Puts a hang filter around `inner`, off unless `active`. While on, matching I/O is held and `inner` does not see it.
 * `disable` releases what is held. What happens to the data: a held write takes its bytes when it is released.
 */
export function hangFilter(
  inner: PathDevice,
  settings: Partial<HangSettings> & { readonly active?: boolean } = {},
): Filtered<HangControl> {
  checkDevice('hangFilter', inner)
  checkFields('hangFilter', 'settings', settings, { active: 'flag?' })
  const { active = false, ...given } = settings
  let held: HeldIo[] = []
  let heldCommands: HeldCommand[] = []
  const onOff = filterSwitch<HangSettings>({
    settings: { op: 'all', ...given },
    active,
    check: ({ op }) => checkOp('hang', op),
    onDisable: release,
  })

  function submit(request: IoRequest, done: IoDone): void {
    if (onOff.active && actsOn(onOff.settings.op, request)) held.push({ request, done })
    else inner.submit(request, done)
  }

  const command: PathDevice['command'] = (sent, done) => {
    if (onOff.active && onOff.settings.op === 'all') heldCommands.push({ command: sent, done })
    else inner.command?.(sent, done)
  }

  function dropCommands(errno: string): void {
    const dropped = heldCommands
    heldCommands = []
    for (const { done } of dropped) queueMicrotask(() => done(notAnswered(errno)))
  }

  function release(): number {
    const going = held
    const commands = heldCommands
    held = []
    heldCommands = []
    for (const sent of commands) inner.command?.(sent.command, sent.done)
    for (const { request, done } of going) inner.submit(request, done)
    return going.length
  }

  function drop(errno: string): number {
    const unanswered = completeHeld(held, errno)
    held = []
    dropCommands(errno)
    return unanswered
  }

  function answer(errno: string): number {
    if (inner.guarantees.errorsAreFinal) throw errorsAreFinal(inner.device)
    const unanswered = completeHeld(held, errno)
    dropCommands(errno)
    // Whoever holds the write has its bytes by now: what happens to the caller's memory afterwards is not seen.
    held = held.map(({ request }) => ({ request: keepBytes(request), done: ANSWERED }))
    return unanswered
  }

  const more = {
    get held() {
      return held.length
    },
    release,
    drop,
    answer,
  }
  return { path: wrapPath(inner, submit, command), control: extendSwitch(onOff, more) }
}

interface HeldIo {
  readonly request: IoRequest
  readonly done: IoDone
}

interface HeldCommand {
  readonly command: ScsiCommand
  readonly done: (answer: ScsiAnswer) => void
}

/** Takes the completion of an I/O that was answered before: its caller has heard already. */
const ANSWERED: IoDone = () => {}

function keepBytes(request: IoRequest): IoRequest {
  return request.data === null ? request : { ...request, data: request.data.slice() }
}

function completeHeld(held: readonly HeldIo[], errno: string): number {
  checkErrno('hang', errno)
  const unanswered = held.filter(({ done }) => done !== ANSWERED)
  for (const { done } of unanswered) completeSoon(done, failed(errno))
  return unanswered.length
}

function errorsAreFinal(device: string): PathledgerError {
  return new PathledgerError('FILTER_ERRORS_ARE_FINAL', {
    message: `The hang filter cannot answer an I/O on ${device} and let it land later.`,
    why: 'That path declares errorsAreFinal, which promises that nothing lands after an error.',
    todo: 'Make the path with errorsAreFinal false, or use drop().',
  })
}
