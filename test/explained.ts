// What every scenario asks at its end: does `explain` name, as the first evidence, what the test injected? The ledger does not
// know that; the test does, and compares.
import { expect } from 'vitest'
import { explain } from '../store/explain/explain.ts'
import { openLedgerReader } from '../store/read/reader.ts'
import type { Explanation, ExplainRoot, ExplainTarget } from '../store/explain/types.ts'
import type { LedgerReader } from '../store/types.ts'

/** Asks why `target` is as it is at `position` (default the end), and compares the first evidence that is named. */
export function expectExplained(
  reader: LedgerReader,
  target: ExplainTarget,
  expected: Partial<ExplainRoot>,
  position: number = reader.head().events,
): Explanation {
  const explanation = explain(reader, target, { position })
  expect(explanation.root, explanation.symptom).toMatchObject(expected)
  const { chain, root, advice } = explanation
  // Each step led to the one before it, and the last of them is where the evidence is.
  for (const [at, link] of chain.entries()) {
    expect(link.position, link.says).toBeLessThanOrEqual(at === 0 ? position : chain[at - 1]!.position)
  }
  if (root.kind !== 'nothing') expect(chain.at(-1)?.position).toBe(root.position)
  expect(advice).not.toBe('')
  return explanation
}

/** The same of the ledger in a file: at its end, or as it was at the first event of a type. */
export function expectExplainedIn(
  file: string,
  target: ExplainTarget,
  expected: Partial<ExplainRoot>,
  type?: string,
): Explanation {
  const reader = openLedgerReader(file)
  try {
    if (type === undefined) return expectExplained(reader, target, expected)
    const [event] = reader.read({ type, limit: 1 })
    expect(event?.type).toBe(type)
    return expectExplained(reader, target, expected, event?.position)
  } finally {
    reader.close()
  }
}
