// Figures of paired rounds. Medians, because other work on the machine only ever makes a round slower; intervals from the
// order of the rounds alone, without a guess at how they are spread.

/** A ratio over paired rounds: its median, and an interval that holds it with at least 95 %. */
export interface Ratio {
  readonly median: number
  readonly low: number
  readonly high: number
  readonly rounds: number
}

/** The ratio of each round's two figures. */
export function ratioOf(ours: readonly number[], yardstick: readonly number[]): Ratio {
  const ratios = ours.map((figure, round) => figure / (yardstick[round] ?? Number.NaN)).sort((a, b) => a - b)
  const rank = intervalRank(ratios.length)
  return {
    median: median(ratios),
    low: ratios[rank] ?? Number.NaN,
    high: ratios[ratios.length - 1 - rank] ?? Number.NaN,
    rounds: ratios.length,
  }
}

export function median(figures: readonly number[]): number {
  const sorted = [...figures].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  const upper = sorted[middle] ?? Number.NaN
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? Number.NaN)) / 2
}

/** The figure that `share` of all are not above; 0.99 is the p99. */
export function percentile(figures: readonly number[], share: number): number {
  const sorted = [...figures].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN
}

/** How many of the sorted figures lie outside the interval of the median on each side: 5 of 20. */
function intervalRank(count: number): number {
  let term = 1
  for (let half = 0; half < count; half += 1) term /= 2
  let tail = 0
  let rank = 0
  // Binomial(count, 1/2): the largest rank whose two tails together stay under 5 %.
  for (; rank < count / 2; rank += 1) {
    tail += term
    if (tail * 2 > 0.05) break
    term = (term * (count - rank)) / (rank + 1)
  }
  return Math.max(0, rank - 1)
}

/** Three digits are all that such figures are worth. */
export function rounded(figure: number): number {
  return Number(figure.toPrecision(3))
}
