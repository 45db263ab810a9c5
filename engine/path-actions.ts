// What the effects of a path's machine do, for those that need nothing but the path: the engine adds the rest.
import { check, probe, proveReturned, sample } from './checker.ts'
import type { Actions } from './head-runtime.ts'
import { drainBacklog, resubmitParked } from './dispatch.ts'
import { failParked } from './hold.ts'
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
