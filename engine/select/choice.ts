// Why the policy chose this path: for the trace of an I/O, asked before the choice is made and answered after it.
import type { Choice } from '../../machines/head/trace-events.ts'
import type { Selectable, SelectionTable } from './table.ts'

/** What is told of a choice: by the policy, where `cached` is the node's cached path as it was before, or by something else. */
export function whyChosen<Path extends Selectable>(
  table: SelectionTable<Path>,
  path: Path,
  given: { readonly cached: Path | null } | { readonly by: 'cache' | 'elsewhere' },
): Choice {
  const usable = table.paths.filter(({ disabled }) => !disabled).length
  const { rank, adapter, inFlight } = path
  const of = { policy: table.policy, rank, usable }
  if ('by' in given) return { ...given, ...of }
  const { cached } = given
  if (usable === 1) return { by: 'only', ...of }
  if (table.preferred === path && rank <= 1) return { by: 'preferred', ...of }
  switch (table.policy) {
    case 'numa':
      return { by: cached === path ? 'cached' : 'nearest', ...of }
    case 'round-robin':
      return { by: cached === path ? 'quantum' : 'turn', ...of }
    case 'queue-depth':
      return { by: 'depth', ...of, depth: adapter.active }
    case 'service-time':
    case 'historical-service-time':
      return { by: 'service', ...of, depth: inFlight }
    case 'read-spread':
      return { by: 'spread', ...of }
  }
}
