// An engine that has just started stands where its ledger says: heads, what was lost, names and settings.
import type { LedgerState } from '../../store/types.ts'
import type { Multipath } from '../../engine/multipath.ts'

/** How an engine that nobody has given a path yet differs from the fold of its ledger; null when it does not. */
export function recoveredEqualsFold(mp: Multipath, { streams }: LedgerState): string | null {
  const told = Object.entries(streams)
  const heads = told.filter(([name, { context }]) => name.startsWith('head/') && context['present'] === true)
  if (heads.length !== mp.heads.length) return `${mp.heads.length} heads, and the ledger has ${heads.length}`
  for (const [, { value, context }] of heads) {
    const head = mp.heads.find(({ wwid }) => wwid === context['wwid'])
    if (head === undefined) return `there is no head ${String(context['wwid'])}`
    const here = JSON.stringify([head.state, head.name, head.ioPolicy, head.noPathRetry])
    const there = JSON.stringify([value, context['name'], context['iopolicy'], context['noPathRetry']])
    if (here !== there) return `a head is ${here}, and the ledger says ${there}`
  }
  const lost = told.flatMap(([, { context }]) => (context['lost'] === true ? [String(context['hctl'])] : []))
  const here = mp.heads.flatMap((head) => head.lost.map(({ hctl }) => hctl))
  return lost.sort().join() === here.sort().join()
    ? null
    : `lost are ${here.join()}, and the ledger says ${lost.join()}`
}
