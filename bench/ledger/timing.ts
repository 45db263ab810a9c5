// How long things take.

/** Milliseconds. */
export function timed(act: () => unknown): number {
  const begun = performance.now()
  act()
  return performance.now() - begun
}

export function perSecond(count: number, milliseconds: number): number {
  return Math.round((count / milliseconds) * 1000)
}

export function median(values: readonly number[]): number {
  return values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)] ?? 0
}

export function round(value: number): number {
  return Math.round(value * 100) / 100
}
