import ONNXModel

/// The rewrite of tables, as embeddings are: what is gathered from one is dequantized, and never the whole table.
///
/// Y = Gather(W, i) becomes, with a scale for each place along the axis: Gather takes integers and their scales, Cast
/// makes the integers float32, and Mul gives Y.
extension RewritePlan {
    /// With fewer values for each scale, the scales and nodes outweigh what is saved.
    private static let valuesPerScaleMin = 8

    /// The axis along which every user of a constant gathers from it; nil if anything else uses it as well.
    func tableAxis(of constant: Initializer, in graph: Int) -> Int? {
        let rank = constant.dimensions.count
        guard let uses = scan.graphs[graph].uses[constant.name], uses.others == 0, rank >= 2 else { return nil }
        let axes = uses.asWeight.map { place in
            scan.graphs[graph].operators[place].flatMap { Self.gatherAxis(of: $0, rank: rank) }
        }
        guard let axis = axes.first.flatMap(\.self), axes.allSatisfy({ $0 == axis }) else { return nil }
        let others = constant.dimensions.enumerated().filter { $0.offset != axis }.map(\.element)
        return others.contains { $0 >= Self.valuesPerScaleMin } && !others.contains(0) ? axis : nil
    }

    /// The axis that a Gather takes from, counted from 0; nil for any other node, and for an axis that is none.
    static func gatherAxis(of node: OperatorNode, rank: Int) -> Int? {
        guard node.type == "Gather", node.inputs.count == 2, node.outputs.count == 1, node.outputs != [[]],
            !node.inputs[1].isEmpty, node.inputs[0] != node.inputs[1],
            let axis = Int(exactly: node.integer("axis", default: 0)), -rank..<rank ~= axis,
            !node.attributes.contains(where: \.isReference)
        else { return nil }
        return axis < 0 ? axis + rank : axis
    }

    mutating func gatherFromInt8() throws {
        for graph in scan.graphs.indices {
            for constant in scan.graphs[graph].constants {
                guard let axis = tableAxis(of: constant, in: graph), let tensor = try floats(of: constant, in: graph),
                    let quantizer = try ChannelQuantizer(tensor, axis: axis, limit: Int8.max)
                else { continue }
                let stored = names.name("int8", of: constant.name)
                let scale = names.name("scale", of: constant.name)
                let content = QuantizedContent(quantizer: quantizer)
                let shape = tensor.dimensions.indices.map { $0 == axis ? tensor.dimensions[axis] : 1 }
                replace(
                    constant, in: graph,
                    by: [
                        try Draft.tensor(stored, .int8, dimensions: tensor.dimensions, data: content),
                        try Draft.scales(scale, quantizer.scales, dimensions: shape),
                    ],
                    bytesBefore: tensor.byteCount, bytesAfter: content.byteCount + quantizer.scales.count * 4)
                for place in scan.graphs[graph].uses[constant.name]?.asWeight ?? [] {
                    guard let node = scan.graphs[graph].operators[place] else { continue }
                    replaceNode(at: place, in: graph, by: try gather(node, stored, scale, axis: axis))
                }
            }
        }
    }

    private mutating func gather(
        _ node: OperatorNode, _ stored: Name, _ scale: Name, axis: Int
    ) throws -> [MessageDraft] {
        let (indices, output) = (node.inputs[1], node.outputs[0])
        let (taken, float) = (names.name("taken", of: output), names.name("float", of: output))
        let factor = names.name("factor", of: output)
        let along = ("axis", Int64(axis))
        return [
            try Draft.node("Gather", [stored, indices], [taken], name: taken, attribute: along),
            try Draft.node(
                "Cast", [taken], [float], name: float, attribute: ("to", Draft.ElementType.float32.rawValue)),
            try Draft.node("Gather", [scale, indices], [factor], name: factor, attribute: along),
            try Draft.node("Mul", [float, factor], [output], name: names.name("scaled", of: output)),
        ]
    }
}
