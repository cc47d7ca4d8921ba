import EvaluationProtocol
import ONNXModel
import ONNXRuntime

/// A sequence of maps from classes to scores that a model gave once, as a matrix: a row for each map.
struct RecordedMaps {
    let name: String
    /// What the columns stand for, each once.
    let classes: [ClassLabel]
    let rows: Int
    /// Row by row.
    let values: [Double]

    var matrix: OnnxOutput { OnnxOutput(shape: [rows, classes.count], elements: .floatingPoint(values)) }

    /// The matrix of what a model answers now, in the same order of classes. Throws `shape-mismatch`.
    func matrix(of maps: [OnnxMap], subject: String) throws(EvaluationFailure) -> OnnxOutput {
        guard maps.count == rows else {
            throw EvaluationFailure(.shapeMismatch, "\(subject) has \(maps.count) maps, \(rows) are recorded")
        }
        var values: [Double] = []
        for map in maps {
            guard let row = map.values(of: classes) else {
                throw EvaluationFailure(.shapeMismatch, "\(subject) has a map with other keys than are recorded")
            }
            values += row
        }
        return OnnxOutput(shape: matrix.shape, elements: .floatingPoint(values))
    }
}

extension RecordedMaps {
    /// The matrix of a file's sequence. Nil unless all maps have the same keys, each once, and numbers of floating
    /// point for them.
    init?(_ sequence: ONNXMapSequence) {
        let maps = sequence.maps.compactMap(OnnxMap.init)
        let classes = maps.first.flatMap { ClassLabel.list($0.keys) } ?? []
        let values = maps.compactMap { $0.values(of: classes) }
        guard maps.count == sequence.maps.count, values.count == maps.count, Set(classes).count == classes.count
        else { return nil }
        name = sequence.name
        rows = maps.count
        self.classes = classes
        self.values = values.flatMap(\.self)
    }

    /// Bytes that the values and the keys take.
    var memoryBytes: Int {
        values.count * MemoryLayout<Double>.stride + classes.reduce(0) { $0 + $1.name.utf8.count + 16 }
    }
}

extension OnnxMap {
    fileprivate init?(_ map: ONNXMapSequence.Map) {
        let keys: OnnxOutput.Elements =
            switch map.keys {
            case .integers(let keys): .integers(keys.map(Int.init))
            case .strings(let keys): .strings(keys)
            }
        let values = map.values.compactMap(\.number)
        guard values.count == map.values.count else { return nil }
        self.init(keys: keys, values: values)
    }

    /// The values of classes, in their order; nil unless these and no others are the keys.
    fileprivate func values(of classes: [ClassLabel]) -> [Double]? {
        guard let keys = ClassLabel.list(keys), keys.count == classes.count else { return nil }
        let places = Dictionary(zip(keys, values), uniquingKeysWith: { first, _ in first })
        let found = classes.compactMap { places[$0] }
        return found.count == classes.count ? found : nil
    }
}

extension ONNXTensor {
    /// The only element of a tensor of floating point.
    fileprivate var number: Double? {
        guard let type = OnnxElementType(rawValue: elementType), case .bytes(let bytes) = content,
            case .floatingPoint(let numbers) = bytes.withUnsafeBytes({ OnnxOutput.Elements(type, $0) }),
            numbers.count == 1
        else { return nil }
        return numbers[0]
    }
}
