// Ctrl-C in the middle of a demo: stop, let go of everything, and end as a shell expects.

/** Thrown where a demo waits when a signal came. */
export class Interrupted extends Error {}

/** 128 and the number of the signal. */
const EXIT_OF = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const
type Signal = keyof typeof EXIT_OF
const SIGNALS = Object.keys(EXIT_OF) as Signal[]

export interface Interrupts {
  /** Rejects waiting with {@link Interrupted} from the first signal on. */
  readonly signal: AbortSignal
  /** The exit code for the signal that came; null when none did. */
  readonly exitCode: number | null
  /** Gives the signals back to whoever had them. */
  end(): void
}

/** Listens for signals until `end`. A second one ends the process at once: AUTOCLEAR detaches what is left then. */
export function watchSignals(): Interrupts {
  const controller = new AbortController()
  let exitCode: number | null = null
  const onSignal = (name: Signal): void => {
    if (exitCode !== null) process.exit(EXIT_OF[name])
    exitCode = EXIT_OF[name]
    controller.abort(new Interrupted())
  }
  for (const name of SIGNALS) process.on(name, onSignal)
  return {
    signal: controller.signal,
    get exitCode() {
      return exitCode
    },
    end() {
      for (const name of SIGNALS) process.off(name, onSignal)
    },
  }
}

/** Waits so many milliseconds. Rejects with {@link Interrupted} at a signal. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(new Interrupted())
    const stop = (): void => {
      clearTimeout(timer)
      reject(new Interrupted())
    }
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', stop)
      resolve()
    }, ms)
    signal.addEventListener('abort', stop, { once: true })
  })
}
