// Settings of path health. docs/health.md says what each does and which word of multipath.conf it stands for.
import { z } from 'zod'

const ms = z.number().min(0).max(86_400_000)
const seconds = z.int().min(0).max(4_294_967_295)

/** Places that a check reads: stacked, each must answer. `failed` is where the failure was seen. */
export const CHECK_READS = ['first', 'middle', 'last', 'failed', 'random'] as const

export const checkerSettings = z
  .strictObject({
    minMs: ms.min(1).default(1_000),
    maxMs: ms.min(1).default(20_000),
    healthyMaxMs: ms.default(0),
    reads: z.array(z.enum(CHECK_READS)).min(1).max(8).default(['first', 'middle', 'last', 'failed']),
  })
  .refine(({ minMs, maxMs }) => minMs <= maxMs, 'minMs is not above maxMs')
  .refine(
    ({ minMs, healthyMaxMs }) => healthyMaxMs === 0 || minMs <= healthyMaxMs,
    'minMs is not above healthyMaxMs, unless that is 0',
  )
  .prefault({})

export const marginalSettings = z
  .strictObject({
    on: z.boolean().default(false),
    doubleFailureMs: ms.default(60_000),
    errorsPerThousand: z.int().min(0).max(1000).default(10),
    slowMs: ms.default(0),
    windowMs: ms.min(1).default(10_000),
    windowIosMin: z.int().min(1).max(1_000_000).default(20),
    sampleMs: ms.min(1).default(60_000),
    sampleIntervalMs: ms.min(1).default(100),
    recheckMs: ms.min(1).default(60_000),
    recheckMaxMs: ms.min(1).default(3_600_000),
  })
  .refine(({ recheckMs, recheckMaxMs }) => recheckMs <= recheckMaxMs, 'recheckMs is not above recheckMaxMs')
  .prefault({})

/**
 * How long a path may be lost, as SPDK has it: `lossSeconds` (-1: for ever, 0: none of this), the time between two tries to
 * reach it, and the time after which its I/O no longer waits (0: as long as it is not removed).
 */
export const lossSettings = z
  .strictObject({
    lossSeconds: seconds.or(z.literal(-1)).default(0),
    reconnectSeconds: seconds.default(0),
    fastFailSeconds: seconds.default(0),
  })
  .check(({ value, issues }) => {
    const why = lossRefusal(value)
    if (why !== null) issues.push({ code: 'custom', message: why, input: value })
  })
  .prefault({})

/** Why three numbers do not go together, or null when they do (scenario 17). */
export function lossRefusal(triple: {
  readonly lossSeconds: number
  readonly reconnectSeconds: number
  readonly fastFailSeconds: number
}): string | null {
  const { lossSeconds, reconnectSeconds, fastFailSeconds } = triple
  if (lossSeconds === 0) {
    const none = reconnectSeconds === 0 && fastFailSeconds === 0
    return none ? null : 'without lossSeconds there is no reconnectSeconds and no fastFailSeconds'
  }
  if (reconnectSeconds === 0) return 'with lossSeconds there is a reconnectSeconds above 0'
  if (lossSeconds > 0 && reconnectSeconds > lossSeconds) return 'reconnectSeconds is not above lossSeconds'
  if (fastFailSeconds === 0) return null
  if (fastFailSeconds < reconnectSeconds) return 'fastFailSeconds is 0 or not below reconnectSeconds'
  return lossSeconds > 0 && fastFailSeconds > lossSeconds ? 'fastFailSeconds is not above lossSeconds' : null
}

export const groupPollSettings = z
  .strictObject({ minMs: ms.min(1).default(1_000), maxMs: ms.min(1).default(10_000) })
  .refine(({ minMs, maxMs }) => minMs <= maxMs, 'minMs is not above maxMs')
  .prefault({})

export const failbackSetting = z
  .enum(['immediate', 'manual', 'followover'])
  .or(ms.min(1))
  .default('immediate')

export const quantumSettings = z
  .strictObject({
    unit: z.enum(['ios', 'bytes']).default('ios'),
    size: z.int().min(1).max(1_099_511_627_776).default(1),
  })
  .prefault({})
