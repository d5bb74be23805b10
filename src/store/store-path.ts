/** Where a partition's store lies in the folder of all stores. Fixed: an existing folder must be found again. */
import { join } from 'node:path';

export function storePath(folder: string, partition: number): string {
  return join(folder, `${partition}`.padStart(4, '0'));
}
