// A bar for work that takes long, on stderr, at a terminal only.
import type { Io } from './io.ts'
import { figure, sealed } from './text.ts'

/** Time between two drawings, milliseconds: smooth to the eye, and nothing to the work. */
const REDRAW_MS = 100
const BAR_COLUMNS = 24
/** To the first column, and nothing behind it. */
export const WIPE = sealed('[G') + sealed('[K')

export interface Progress {
  /** So much of the whole is done. */
  update(done: number, total: number): void
  /** Wipes the bar. */
  end(): void
}

/** Starts a bar. Where stderr is no terminal, or nobody wants to watch, it draws nothing. */
export function startProgress(io: Io, noun: string, wanted = true): Progress {
  if (!io.live || !wanted) return { update: ignore, end: ignore }
  let drawnAt = 0
  return {
    update(done, total) {
      const now = Date.now()
      if (now - drawnAt < REDRAW_MS) return
      drawnAt = now
      const share = total === 0 ? 1 : done / total
      const filled = Math.round(share * BAR_COLUMNS)
      const bar = '#'.repeat(filled).padEnd(BAR_COLUMNS, '.')
      io.err(
        `${WIPE}[${bar}] ${String(Math.floor(share * 100)).padStart(3)} %  ${figure(done)} of ${figure(total)} ${noun}`,
      )
    },
    end() {
      if (drawnAt > 0) io.err(WIPE)
    },
  }
}

function ignore(): void {
  // Nobody watches.
}
