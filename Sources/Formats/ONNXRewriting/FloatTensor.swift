import ONNXModel

/// The float32 values of a tensor, read in pieces.
struct FloatTensor {
    private static let pieceElements = 1 << 16

    let source: any RandomAccessSource
    /// Where the values lie, four bytes each, the lowest first.
    let runs: [FloatRun]
    let dimensions: [Int]
    /// How many values there are.
    let count: Int

    /// How many bytes the values are.
    var byteCount: Int { count * 4 }

    init(source: any RandomAccessSource, runs: [FloatRun], dimensions: [Int], count: Int) {
        self.source = source
        self.runs = runs
        self.dimensions = dimensions
        self.count = count
    }

    /// Hands over all values in order, in pieces.
    func forEachPiece(_ body: ([Float]) throws -> Void) throws {
        for run in runs {
            var position = 0
            while position < run.count {
                let count = min(Self.pieceElements, run.count - position)
                try body(try piece(of: run, at: position, count: count))
                position += count
            }
        }
    }

    /// The file has the byte order of the processors that Swift runs on.
    private func piece(of run: FloatRun, at position: Int, count: Int) throws -> [Float] {
        let start = run.position + position * run.stride
        var values = [Float](repeating: 0, count: count)
        guard run.stride > 4 else {
            try values.withUnsafeMutableBytes { try source.read(into: $0, at: start) }
            return values
        }
        var bytes = [UInt8](repeating: 0, count: (count - 1) * run.stride + 4)
        try bytes.withUnsafeMutableBytes { try source.read(into: $0, at: start) }
        bytes.withUnsafeBytes { raw in
            for index in values.indices {
                values[index] = raw.loadUnaligned(fromByteOffset: index * run.stride, as: Float.self)
            }
        }
        return values
    }

    /// Whether every value is finite, also as a float16.
    func fitsFloat16() throws -> Bool {
        var isFitting = true
        try forEachPiece { values in
            isFitting = isFitting && values.allSatisfy { Float16($0).isFinite }
        }
        return isFitting
    }
}

/// Values as float16, each rounded to the nearest, ties to even.
struct Float16Content: TensorContent {
    let tensor: FloatTensor

    var byteCount: Int { tensor.count * 2 }

    func write(to receive: ByteReceiver) throws {
        try tensor.forEachPiece { values in
            try values.map { Float16($0).bitPattern.littleEndian }.withUnsafeBytes(receive)
        }
    }
}

/// Symmetric quantization with one scale per channel: a value is about its integer times its channel's scale.
struct ChannelQuantizer {
    let tensor: FloatTensor
    /// The axis whose every index is a channel.
    let axis: Int
    /// The largest integer; the smallest is as far below zero.
    let limit: Int8
    /// One per channel.
    private(set) var scales: [Float]
    /// How many values of one channel lie together.
    private let run: Int

    /// Finds the scales; nil if a value is not finite. The tensor has the axis, and no axis of length 0.
    init?(_ tensor: FloatTensor, axis: Int, limit: Int8) throws {
        self.tensor = tensor
        self.axis = axis
        self.limit = limit
        run = tensor.dimensions[(axis + 1)...].reduce(1, *)  // A part of a product that was checked.
        var largest = [Float](repeating: 0, count: tensor.dimensions[axis])
        var isFinite = true
        scales = []
        try forEachPiece { value, channel in
            isFinite = isFinite && value.isFinite
            largest[channel] = max(largest[channel], abs(value))
        } after: {
        }
        guard isFinite else { return nil }
        scales = largest.map { $0 == 0 ? 1 : max($0 / Float(limit), .leastNormalMagnitude) }
    }

    /// The integer of a value, rounded to the nearest, ties to even.
    private func quantize(_ value: Float, _ channel: Int) -> Int8 {
        let bound = Float(limit)
        let scaled = (value / scales[channel]).rounded(.toNearestOrEven)
        return Int8(exactly: min(max(scaled, -bound), bound)) ?? 0  // Not a number, if the file changed meanwhile.
    }

    /// Hands over the integers in the order of the values, in pieces.
    func forEachPiece(_ body: ([Int8]) throws -> Void) throws {
        var integers: [Int8] = []
        try forEachPiece { value, channel in
            integers.append(quantize(value, channel))
        } after: {
            try body(integers)
            integers.removeAll(keepingCapacity: true)
        }
    }

    private func forEachPiece(_ each: (Float, Int) -> Void, after: () throws -> Void) throws {
        var channel = 0
        var position = 0
        let channels = tensor.dimensions[axis]
        try tensor.forEachPiece { values in
            for value in values {
                each(value, channel)
                position += 1
                if position == run {
                    position = 0
                    channel = channel + 1 == channels ? 0 : channel + 1
                }
            }
            try after()
        }
    }
}

/// A quantized tensor in the order of the original.
struct QuantizedContent: TensorContent {
    let quantizer: ChannelQuantizer

    var byteCount: Int { quantizer.tensor.count }

    func write(to receive: ByteReceiver) throws {
        try quantizer.forEachPiece { try $0.withUnsafeBytes(receive) }
    }
}

/// A quantized matrix with rows and columns exchanged; it is in memory as a whole, one byte per value.
struct TransposedContent: TensorContent {
    let quantizer: ChannelQuantizer

    var byteCount: Int { quantizer.tensor.count }

    func write(to receive: ByteReceiver) throws {
        let (rows, columns) = (quantizer.tensor.dimensions[0], quantizer.tensor.dimensions[1])
        var transposed = [Int8](repeating: 0, count: byteCount)
        var (row, column) = (0, 0)
        try quantizer.forEachPiece { integers in
            for integer in integers {
                transposed[column * rows + row] = integer
                column += 1
                if column == columns { (row, column) = (row + 1, 0) }
            }
        }
        try transposed.withUnsafeBytes(receive)
    }
}
