// What the effects of a path's machine do, for those that need nothing but the path: the engine adds the rest.
import { check, probe, proveReturned, sample } from './health/checker.ts'
import type { Actions } from './heads/runtime.ts'
import { drainBacklog, resubmitParked } from './io/dispatch.ts'
import { watchSilence } from './io/silence.ts'
import { failParked } from './io/waiting.ts'
import { endSampling } from './health/margin.ts'

export const PATH_ACTIONS = {
  resubmitParked,
  failParked,
  probe,
  check,
  prove: proveReturned,
  sample,
  tally: endSampling,
  drainBacklog,
  watchSilence,
} as const satisfies Partial<Actions>
