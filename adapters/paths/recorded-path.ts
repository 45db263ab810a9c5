// A path that answers as the record says it did: for the production engine, on a virtual clock, under other settings. What it
// was asked then it answers as then; what it was never asked it answers as it answered everything at that time.
import type { BlkStatus } from '../../machines/words.ts'
import { completed, failed, IO_DONE } from '../completions.ts'
import type { Clock, IoCompletion, IoDone, IoRequest, PathDevice } from '../ports.ts'

/** A time in which a path did not answer well. */
export interface Trouble {
  readonly fromUs: number
  /** From here on it answers well again; Infinity where that is not recorded. */
  readonly untilUs: number
  /** What failed: one kind of I/O, or all. */
  readonly op: string | null
  /** How long its first error took, where a trace tells. */
  readonly tookUs?: number
  /** Null with a status for what the target itself classed; 'hang' is no answer until the trouble is over. */
  readonly answer: 'hang' | { readonly errno: string | null; readonly status: string }
}

/** How one I/O was answered, as its trace tells. */
export interface RecordedAnswer {
  readonly atUs: number
  readonly tookUs: number
  readonly status: string
  readonly errno: string | null
}

/** What the record says of a path. */
export interface PathRecord {
  readonly hctl: string
  readonly wwid: string
  readonly kind: PathDevice['kind']
  readonly device: string
  readonly numaNode: number | null
  readonly sizeBytes: number
  readonly logicalBlockBytes: number
  readonly errorsAreFinal: boolean
  readonly troubles: readonly Trouble[]
  /** By {@link keyOf}, in their order. */
  readonly answers: ReadonlyMap<string, readonly RecordedAnswer[]>
  /** Microseconds for what no trace tells of. */
  readonly usualUs: number
}

/** How far from when it was asked then a question may be the same one. */
const SAME_US = 1_000_000

/** What was asked: the same words get the same answer. */
export function keyOf({ op, offset, length }: Pick<IoRequest, 'offset' | 'length'> & { op: string }): string {
  return `${op} ${offset} ${length}`
}

/** Makes the device. Reads give zeros: nobody recorded the bytes. */
export function recordedPath(record: PathRecord, clock: Clock): PathDevice {
  const { hctl, wwid, kind, device, numaNode, sizeBytes, logicalBlockBytes, errorsAreFinal } = record
  const used = new Set<RecordedAnswer>()

  function remembered(request: IoRequest, nowUs: number): RecordedAnswer | null {
    const answers = record.answers.get(keyOf(request)) ?? []
    const open = answers.filter((answer) => !used.has(answer) && Math.abs(answer.atUs - nowUs) <= SAME_US)
    const found = open.reduce<RecordedAnswer | null>(
      (best, one) => (best === null || Math.abs(one.atUs - nowUs) < Math.abs(best.atUs - nowUs) ? one : best),
      null,
    )
    if (found !== null) used.add(found)
    return found
  }

  function submit(request: IoRequest, done: IoDone): void {
    const nowUs = clock.monoUs()
    const trouble = troubleAt(record, request.op, nowUs)
    const answer = remembered(request, nowUs)
    // What it is asked while it is in trouble it cannot answer well, whatever it answered a moment before or after.
    const well = trouble === null && (answer === null || answer.status === 'OK')
    if (well) return after(answer?.tookUs ?? record.usualUs, () => done(success(request)))
    if (answer !== null && answer.status !== 'OK' && !hangs(answer.status)) {
      return after(answer.tookUs, () => done(refusal(answer)))
    }
    if (trouble !== null && trouble.answer !== 'hang') {
      const { answer: given } = trouble
      return after(trouble.tookUs ?? record.usualUs, () => done(refusal(given)))
    }
    const untilUs = trouble?.untilUs ?? Infinity
    if (untilUs < Infinity) after(untilUs - nowUs, () => done(success(request)))
  }

  function after(us: number, then: () => void): void {
    clock.setTimer(clock.monoUs() + Math.max(0, us), then)
  }

  return {
    ...{ kind, device, hctl, numaNode, deviceKey: null, facts: {}, submit },
    lun: { wwid, implicitAlua: true },
    geometry: { sizeBytes, logicalBlockBytes, readOnly: false },
    guarantees: { errorsAreFinal, isolatesExit: true, backend: 'recorded' },
    coherence: { inode: null, direct: true },
    medium: RECORDED,
    identify: async () => ({ same: true }),
    carries: () => null,
    close: async () => undefined,
  }
}

/** What was one LUN when it was recorded is one now. */
const RECORDED = {}

function troubleAt({ troubles }: PathRecord, op: string, nowUs: number): Trouble | null {
  const holds = (trouble: Trouble) =>
    nowUs >= trouble.fromUs && nowUs < trouble.untilUs && (trouble.op === null || trouble.op === op)
  return troubles.find(holds) ?? null
}

function hangs(status: string): boolean {
  return status === 'TIMEOUT' || status === 'ABANDONED'
}

function success({ op, length, data }: IoRequest): IoCompletion {
  if (op === 'read') data?.fill(0)
  return op === 'flush' ? IO_DONE : completed(length)
}

/** As it was classed then; a short completion, which has neither, comes as an I/O error. */
function refusal({
  errno,
  status,
}: {
  readonly errno: string | null
  readonly status: string
}): IoCompletion {
  return { ...failed(errno ?? 'EIO'), status: status as BlkStatus }
}
