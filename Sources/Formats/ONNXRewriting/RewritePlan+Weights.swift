import ONNXModel

/// The rewrites that store weights smaller and compute as before.
///
/// The stored tensor has a new name, and a node at the beginning of the graph gives what is computed from it the name
/// of the original. So every user of a weight, within subgraphs too, finds it where it was.
extension RewritePlan {
    /// float16 with a Cast.
    mutating func storeAsFloat16() throws {
        for initializer in scan.initializers {
            guard let tensor = try floats(of: initializer), try tensor.fitsFloat16() else { continue }
            let stored = names.name("float16", of: initializer.name)
            let content = Float16Content(tensor: tensor)
            putFirst(
                try Draft.node(
                    "Cast", [stored], [initializer.name], name: names.name("cast", of: initializer.name),
                    attribute: ("to", Draft.ElementType.float32.rawValue)))
            replace(
                initializer,
                by: [try Draft.tensor(stored, .float16, dimensions: tensor.dimensions, data: content)],
                bytesBefore: tensor.range.count, bytesAfter: content.byteCount)
        }
    }

    /// int8 with a scale per output channel and a DequantizeLinear; the zero point is 0, as its absence means.
    mutating func storeAsInt8() throws {
        for initializer in scan.initializers {
            guard let axis = channelAxis(of: initializer), let tensor = try floats(of: initializer),
                let quantizer = try ChannelQuantizer(tensor, axis: axis, limit: Int8.max)
            else { continue }
            let stored = names.name("int8", of: initializer.name)
            let scale = names.name("scale", of: initializer.name)
            putFirst(
                try Draft.node(
                    "DequantizeLinear", [stored, scale], [initializer.name],
                    name: names.name("dequantize", of: initializer.name), attribute: ("axis", Int64(axis))))
            let content = QuantizedContent(quantizer: quantizer)
            replace(
                initializer,
                by: [
                    try Draft.tensor(stored, .int8, dimensions: tensor.dimensions, data: content),
                    try Draft.scales(scale, quantizer.scales),
                ],
                bytesBefore: tensor.range.count, bytesAfter: content.byteCount + quantizer.scales.count * 4)
        }
    }

    /// The axis of the output channels of the first node that has the initializer as its weights; nil if none has.
    private func channelAxis(of initializer: Initializer) -> Int? {
        let rank = initializer.dimensions.count
        guard rank >= 2, let place = scan.uses[initializer.name]?.asWeight.first, let node = scan.operators[place]
        else { return nil }
        switch node.type {
        case "Conv": return 0
        case "Gemm" where rank == 2: return node.integer("transB", default: 0) == 0 ? 1 : 0
        case "MatMul": return rank - 1
        default: return nil
        }
    }
}
