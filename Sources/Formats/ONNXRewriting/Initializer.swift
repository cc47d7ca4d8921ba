import ONNXModel

/// A name in a model as its bytes: Swift takes some texts for equal that ONNX tells apart.
typealias Name = [UInt8]

/// Values of four bytes that lie in a file at the same distance from each other.
struct FloatRun: Equatable {
    /// Values further apart than this are runs of their own.
    private static let strideMax = 16

    let position: Int
    private(set) var count: Int
    private(set) var stride = 4

    /// Takes one more value that lies at a position, if it fits.
    mutating func takes(_ position: Int) -> Bool {
        let distance = position - self.position - (count - 1) * stride
        guard count == 1 ? 4...Self.strideMax ~= distance : distance == stride else { return false }
        stride = distance
        count += 1
        return true
    }
}

/// A constant of a graph, without its data: an initializer, or what a `Constant` node gives.
struct Initializer {
    /// More runs of values are left as they are: no known tool mixes the forms so.
    private static let runsMax = 1 << 20

    /// The message of the tensor.
    let message: WireMessage
    /// The node that gives it, by its place among the graph's; nil for an initializer.
    var constantPlace: Int?
    /// As the graph's nodes use it.
    var name: Name = []
    var elementType: Int64 = 0
    var dimensions: [Int] = []
    /// Where float32 values lie within the model one by one, packed or not; empty where there are none.
    private(set) var floatRuns: [FloatRun] = []
    var rawData: Range<Int>?
    var hasOtherData = false
    var isExternal = false
    var external: [String: String] = [:]

    init(message: WireMessage) { self.message = message }

    /// Notes a field of `float_data`: one value, or several in the packed form.
    mutating func addFloats(_ field: WireField) throws(ONNXModelError) {
        switch field.value {
        case .bytes(let packed):
            guard packed.byteCount % 4 == 0 else { throw .invalid("a part of a tensor's values is cut") }
            if packed.byteCount > 0 { add(FloatRun(position: packed.position, count: packed.byteCount / 4)) }
        case .fixed(let value):
            guard value.byteCount == 4 else { throw .invalid("a value of a tensor has 8 bytes") }
            guard floatRuns.isEmpty || !floatRuns[floatRuns.count - 1].takes(value.position) else { return }
            add(FloatRun(position: value.position, count: 1))
        case .integer: throw .invalid("a value of a tensor is an integer")
        }
    }

    private mutating func add(_ run: FloatRun) {
        guard floatRuns.count < Self.runsMax else {
            hasOtherData = true
            return
        }
        floatRuns.append(run)
    }
}

/// How a constant is used.
struct Uses {
    /// By nodes of its own graph that a rewrite knows, as their weight: by the node's place.
    var asWeight: [Int] = []
    /// In any other place, subgraphs included.
    var others = 0
}
