// Step by step behind an engine that writes.
import type { ReplayStep, Stepper } from '../../doors/ledger.ts'
import type { Clock } from '../../index.ts'
import type { FileReader } from '../../store/read/reader.ts'

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/** Takes every step there is and those that come, until a signal ends it. Rejects with what `print` or the ledger throws. */
export async function follow(
  reader: FileReader,
  stepper: Stepper,
  clock: Clock,
  print: (step: ReplayStep) => Promise<void>,
): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<undefined>()
  const end = (): void => resolve(undefined)
  for (const signal of SIGNALS) process.on(signal, end)
  // One after the other: a step is printed before the next one is taken.
  let printing = Promise.resolve()
  const catchUp = (): void => {
    printing = printing.then(() => printNew(stepper, print))
    printing.catch(reject)
  }
  const stop = reader.follow(catchUp, { clock, onError: reject })
  catchUp()
  try {
    await promise
    await printing
  } finally {
    stop()
    for (const signal of SIGNALS) process.off(signal, end)
  }
}

async function printNew(stepper: Stepper, print: (step: ReplayStep) => Promise<void>): Promise<void> {
  for (let step = stepper.next(); step !== null; step = stepper.next()) await print(step)
}
