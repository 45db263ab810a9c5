// A device taken apart, so that a test can change one of its fields.
import type { PathDevice } from '../../adapters/ports.ts'

/** The fields of a device that a test may then change. */
export function fieldsOf(device: PathDevice): PathDevice {
  const { kind, hctl, lun, numaNode, geometry, guarantees, coherence, deviceKey, facts } = device
  const { submit, identify, carries, close, medium } = device
  return {
    ...{
      kind,
      device: device.device,
      hctl,
      lun,
      numaNode,
      geometry,
      guarantees,
      coherence,
      deviceKey,
      facts,
    },
    ...{ submit, identify, carries, close },
    ...(medium === undefined ? {} : { medium }),
  }
}
