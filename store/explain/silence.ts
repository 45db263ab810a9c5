// A path that answered nothing while another one did: whether that was short, and what it had. Traces tell of the reads that it had.
import { pages } from '../pages.ts'
import { lastPart, tell, type History, type Told } from './history.ts'
import type { ExplainRoot } from './types.ts'

/** A silence that ended with an answer, before anything else became of the path. */
export function isShortHang({ type, stream, position }: Told, history: History): boolean {
  if (type !== 'path.silent') return false
  const next = history
    .of(stream)
    .find(
      (event) => event.position > position && ENDS.includes(event.type) && event.decision.refused !== true,
    )
  return next?.type === 'path.answersAgain'
}

const ENDS = ['path.answersAgain', 'path.failed', 'path.removed', 'path.lost']

/** The read that a silent path had and that was tried elsewhere, where it was traced. */
export function unansweredOn(history: History, silent: Told): Partial<ExplainRoot> {
  const hctl = lastPart(silent.stream)
  const wwid = silent.stream.slice('path/'.length, silent.stream.lastIndexOf('/'))
  const query = {
    ...{ type: 'head.ioTraced', stream: `head/${wwid}` },
    ...{ fromPosition: silent.position, toPosition: history.position },
  }
  let read = 0
  for (const page of pages(history.reader, query)) {
    for (const row of page) {
      const { data, bootId } = tell(row)
      const attempts = data['attempts'] as readonly Attempt[]
      const had = attempts.some(
        ({ path, status, startedUs }) => path === hctl && status !== 'OK' && startedUs <= silent.monoUs,
      )
      if (!had || bootId !== silent.bootId) continue
      const { op, offset, length } = data as unknown as Pick<ExplainRoot, 'op' | 'offset' | 'length'>
      return { op, offset, length }
    }
    read += 1
    if (read >= PAGES_MAX) break
  }
  return {}
}

interface Attempt {
  readonly path: string
  readonly status: string
  readonly startedUs: number
}

const PAGES_MAX = 10
