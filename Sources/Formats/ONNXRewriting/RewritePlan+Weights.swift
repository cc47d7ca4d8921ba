import ONNXModel

/// The rewrites that store weights smaller and compute as before.
///
/// The stored tensor has a new name, and a node at the beginning of its graph gives what is computed from it the name
/// of the original. So every user of a weight, within subgraphs too, finds it where it was.
extension RewritePlan {
    /// float16 with a Cast.
    mutating func storeAsFloat16() throws {
        for graph in scan.graphs.indices {
            for constant in scan.graphs[graph].constants {
                guard let tensor = try floats(of: constant, in: graph), try tensor.fitsFloat16() else { continue }
                let stored = names.name("float16", of: constant.name)
                let content = Float16Content(tensor: tensor)
                putFirst(
                    try Draft.node(
                        "Cast", [stored], [constant.name], name: names.name("cast", of: constant.name),
                        attribute: ("to", Draft.ElementType.float32.rawValue)), in: graph)
                replace(
                    constant, in: graph,
                    by: [try Draft.tensor(stored, .float16, dimensions: tensor.dimensions, data: content)],
                    bytesBefore: tensor.byteCount, bytesAfter: content.byteCount)
            }
        }
    }

    /// int8 with a scale per output channel and a DequantizeLinear; the zero point is 0, as its absence means. Tables
    /// that are only gathered from are dequantized after that.
    mutating func storeAsInt8() throws {
        try gatherFromInt8()
        for graph in scan.graphs.indices {
            for constant in scan.graphs[graph].constants where tableAxis(of: constant, in: graph) == nil {
                guard let axis = channelAxis(of: constant, in: graph), let tensor = try floats(of: constant, in: graph),
                    let quantizer = try ChannelQuantizer(tensor, axis: axis, limit: Int8.max)
                else { continue }
                let stored = names.name("int8", of: constant.name)
                let scale = names.name("scale", of: constant.name)
                putFirst(
                    try Draft.node(
                        "DequantizeLinear", [stored, scale], [constant.name],
                        name: names.name("dequantize", of: constant.name), attribute: ("axis", Int64(axis))), in: graph)
                let content = QuantizedContent(quantizer: quantizer)
                replace(
                    constant, in: graph,
                    by: [
                        try Draft.tensor(stored, .int8, dimensions: tensor.dimensions, data: content),
                        try Draft.scales(scale, quantizer.scales),
                    ],
                    bytesBefore: tensor.byteCount, bytesAfter: content.byteCount + quantizer.scales.count * 4)
            }
        }
    }

    /// The axis of the output channels of the first node that has the constant as its weights, a product before a
    /// Gather; nil if none has.
    private func channelAxis(of constant: Initializer, in graph: Int) -> Int? {
        let axes = (scan.graphs[graph].uses[constant.name]?.asWeight ?? []).compactMap { place in
            scan.graphs[graph].operators[place].map { ($0.type, Self.channelAxis(of: constant, $0)) }
        }
        return (axes.first { $0.0 != "Gather" } ?? axes.first)?.1
    }

    private static func channelAxis(of constant: Initializer, _ node: OperatorNode) -> Int? {
        let rank = constant.dimensions.count
        guard rank >= 2 else { return nil }
        switch node.type {
        case "Conv": return 0
        case "Gemm" where rank == 2: return node.integer("transB", default: 0) == 0 ? 1 : 0
        case "MatMul": return rank - 1
        case "Gather": return gatherAxis(of: node, rank: rank)
        default: return nil
        }
    }
}
