// Every projection that there is. One more is one more file here and one line below; docs/ledger.md lists them.
import { BY_HAND } from './by-hand.ts'
import { HEAD_SERVICES } from './head-services.ts'
import { INVARIANT_FACTS } from './invariant-facts.ts'
import { IO_BY_PATH } from './io-by-path.ts'
import { PATH_FALLS } from './path-falls.ts'
import { PATH_TIMES } from './path-times.ts'
import type { Projection } from './projection.ts'
import { TIME_SPANS } from './time-spans.ts'
import { TIMER_LIVES } from './timer-lives.ts'
import { UP_TIMES } from './up-times.ts'

export const PROJECTIONS: readonly Projection[] = [
  ...[TIME_SPANS, IO_BY_PATH, PATH_TIMES, UP_TIMES],
  ...[BY_HAND, PATH_FALLS, HEAD_SERVICES, TIMER_LIVES, INVARIANT_FACTS],
]
