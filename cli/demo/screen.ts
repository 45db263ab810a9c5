// What a person sees while the demo runs, on stderr: the story, and at a terminal one line that is alive.
import type { Head } from '../../index.ts'
import type { Io } from '../io.ts'
import { WIPE } from '../progress.ts'
import { figure, paint, widthOf } from '../text.ts'
import type { Load } from './load.ts'

const REDRAW_MS = 100

export interface Screen {
  /** Tells one thing, with the time since the beginning. */
  tell(line: string): void
  /** Draws the line that is alive, from now on. */
  watch(head: Head, load: Load, failovers: () => number): void
  /** Wipes that line. */
  end(): void
}

/** A screen for people; with `silent` one that shows nothing. */
export function makeScreen(io: Io, silent: boolean): Screen {
  if (silent) return { tell: ignore, watch: ignore, end: ignore }
  const startedAt = performance.now()
  let timer: NodeJS.Timeout | null = null
  let drawn = ''
  const seconds = (): string => `${((performance.now() - startedAt) / 1000).toFixed(1).padStart(5)} s`
  return {
    tell(line) {
      io.err(`${drawn === '' ? '' : WIPE}${seconds()}  ${line}\n${drawn}`)
    },
    watch(head, load, failovers) {
      if (!io.live) return
      const meter = iopsMeter(load)
      timer = setInterval(() => {
        const line = liveLine(head, { iops: meter(), failovers: failovers() }, io.color)
        // A line that wraps could not be wiped again.
        drawn = widthOf(line) + 9 < io.columns ? `${seconds()}  ${line}` : seconds()
        io.err(`${WIPE}${drawn}`)
      }, REDRAW_MS)
    },
    end() {
      if (timer !== null) clearInterval(timer)
      timer = null
      if (drawn !== '') io.err(WIPE)
      drawn = ''
    },
  }
}

function liveLine(
  head: Head,
  { iops, failovers }: { iops: number; failovers: number },
  color: boolean,
): string {
  const { good, bad, warn, bold } = paint(color)
  const paths = head.paths.map((path) => {
    const { health, admin } = path.state
    if (path.usable) return `${path.name} ${good(health)}`
    return `${path.name} ${admin === 'disabled' ? warn('disabled') : bad(health)}`
  })
  const { bios } = head.queued
  const queued = bios === 0 ? '' : warn(`  ${figure(bios)} waiting`)
  return `${paths.join('  ')}  ${bold(figure(iops))} IOPS  ${figure(failovers)} failovers${queued}`
}

/** I/Os a second since it was last asked. */
function iopsMeter({ tally }: Load): () => number {
  let [before, at] = [0, performance.now()]
  return () => {
    const [now, done] = [performance.now(), tally.reads + tally.writes]
    const iops = ((done - before) * 1000) / Math.max(1, now - at)
    ;[before, at] = [done, now]
    return Math.round(iops)
  }
}

function ignore(): void {
  // Nobody watches.
}
