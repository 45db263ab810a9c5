// Fencing: the strongest proof that we can force. For a path over a server, a command kills that server and waits for its
// death; nothing of the path can land afterwards, its ghosts are over, and it needs a new attach.
import { guarded } from '../core/core.ts'
import { inTime } from '../core/within.ts'
import { isSameDevice } from '../lun/attach.ts'
import type { Ghost } from '../lun/ghosts.ts'
import { recordPath } from '../heads/lifecycle.ts'
import type { PathRuntime } from '../heads/runtime.ts'

/** Fences a failed path that has left ghosts. Does nothing when it is fenced, being fenced, healthy or without ghosts. */
export function fenceIfNeeded(path: PathRuntime): void {
  const { core, head } = path
  if (core.fence === null || path.health.fencing || path.context.fenced || !path.present) return
  const { health } = path.value
  if (health !== 'failed' && health !== 'probing') return
  if (ghostsBehind(path).length === 0) return
  path.health.fencing = true
  const target = { wwid: head.lun.wwid, hctl: path.hctl, device: path.device.device }
  const limitMs = core.settings.fenceTimeoutMs
  const behind = () => ghostsBehind(path)
  const done = (detail: string | null, error: unknown) => {
    path.health.fencing = false
    if (detail !== null) recordFence(path, behind(), detail)
    else core.log.warn({ path: path.name, error }, 'fence did not succeed')
  }
  inTime(core, limitMs, core.fence(target, limitMs)).then(
    (ended) =>
      guarded(core, () => {
        if (ended === null) done(null, `no answer for fenceTimeoutMs, ${limitMs} ms`)
        else done(ended.value, 'the path has no fence')
      }),
    (error: unknown) => guarded(core, () => done(null, error)),
  )
}

/** What a fence of the path proves over: ghosts of its attach, and those that nobody waits for of the same device. */
function ghostsBehind({ attach: own, head }: PathRuntime): Ghost[] {
  return head.lun.ghosts.index
    .all()
    .filter(
      ({ attach, returnedUs }) => attach.id === own.id || (isSameDevice(attach, own) && returnedUs !== null),
    )
}

function recordFence(path: PathRuntime, ghosts: readonly Ghost[], detail: string): void {
  const cause = path.present ? recordPath(path, 'path.fenced', { detail }).recorded : null
  path.head.lun.ghosts.end(ghosts, 'fence', detail, { cause })
}
