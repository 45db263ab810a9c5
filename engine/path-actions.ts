// What the effects of a path's machine do, for those that need nothing but the path: the engine adds the rest.
import { check, probe, proveReturned, sample } from './checker.ts'
import type { Actions } from './core.ts'
import { drainBacklog, failParked, resubmitParked } from './dispatch.ts'
import { endSampling } from './margin.ts'

export const PATH_ACTIONS = {
  resubmitParked,
  failParked,
  probe,
  check,
  prove: proveReturned,
  sample,
  tally: endSampling,
  drainBacklog,
} as const satisfies Partial<Actions>
