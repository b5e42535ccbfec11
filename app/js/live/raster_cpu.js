export class CpuRaster {
  constructor() { throw new Error("not yet"); }
}
