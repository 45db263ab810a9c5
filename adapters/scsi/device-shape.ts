// A device as a program hands it over: looked at before anything is asked of it.
import { checkArguments, checkFields } from '../../errors/arguments.ts'

const CALLS = { submit: 'call', identify: 'call', carries: 'call', close: 'call' } as const
const MAY_HAVE = { sizeNow: 'call?', limitsNow: 'call?', useMemory: 'call?', command: 'call?' } as const
const SAYS = { device: 'text', hctl: 'text', lun: 'object', geometry: 'object' } as const
const PROMISES = { errorsAreFinal: 'flag', isolatesExit: 'flag', backend: 'text' } as const

/** Throws ARGUMENT_INVALID for what is no {@link PathDevice}. */
export function checkDevice(call: string, device: unknown): void {
  checkFields(call, 'device', device, { ...CALLS, ...MAY_HAVE, ...SAYS, ioctl: 'call?', uniqueId: 'call?' })
  const { lun, geometry, guarantees, coherence, deviceKey, facts, kind } = device as Record<string, unknown>
  checkLun(call, lun)
  const sizes = { sizeBytes: 'count', logicalBlockBytes: 'count', readOnly: 'flag' } as const
  checkFields(call, 'geometry', geometry, { ...sizes, limits: 'object?' })
  checkFields(call, 'guarantees', guarantees, PROMISES)
  checkFields(call, 'coherence', coherence, { direct: 'flag' })
  checkFields(call, 'facts', facts, {})
  checkArguments(
    call,
    {
      kind,
      deviceKey: deviceKey ?? undefined,
      inode: (coherence as Record<string, unknown>)['inode'] ?? undefined,
    },
    { kind: ['loop', 'file', 'memory'], deviceKey: 'text?', inode: 'text?' },
  )
}

/** Throws ARGUMENT_INVALID for what is no {@link Lun}. */
export function checkLun(call: string, lun: unknown): void {
  checkFields(call, 'lun', lun, { wwid: 'text', implicitAlua: 'flag', scsi: 'object?' })
  const { scsi } = lun as Readonly<Record<string, unknown>>
  if (scsi !== undefined) checkFields(call, 'scsi', scsi, { connect: 'call' })
}

/** Throws ARGUMENT_INVALID for what a file or a loop device cannot be opened as a path with. */
export function checkPath(call: string, file: unknown, settings: unknown): void {
  checkArguments(call, { file }, { file: 'file' })
  const ports = { clock: 'clock?', backend: 'object?', helperTimeoutMs: 'number?' } as const
  checkFields(call, 'settings', settings, { hctl: 'text', readOnly: 'flag?', ...ports })
  const { lun, backend } = settings as Readonly<Record<string, unknown>>
  checkLun(call, lun)
  if (backend !== undefined) checkFields(call, 'backend', backend, { name: 'text', submit: 'call' })
}
