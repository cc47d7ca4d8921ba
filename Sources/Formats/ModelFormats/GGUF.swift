import AssayDomain

/// The keys and the tensors' descriptions of a GGUF file.
///
/// Source: ggml-org/ggml, docs/gguf.md, versions 2 and 3, in little-endian order.
struct GGUF {
    private static let magic = Array("GGUF".utf8)
    private static let textBytesMax: UInt64 = 16 << 20
    private static let keyBytesMax: UInt64 = 65_535
    private static let axesMax = 4

    /// Bytes of the scalar types by their numbers; text is 8, a list is 9.
    private static let sizes: [UInt64: Int] = [0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8]

    /// Names of `ggml_type`.
    private static let types: [UInt64: String] = [
        0: "F32", 1: "F16", 2: "Q4_0", 3: "Q4_1", 6: "Q5_0", 7: "Q5_1", 8: "Q8_0", 9: "Q8_1", 10: "Q2_K", 11: "Q3_K",
        12: "Q4_K", 13: "Q5_K", 14: "Q6_K", 15: "Q8_K", 16: "IQ2_XXS", 17: "IQ2_XS", 18: "IQ3_XXS", 19: "IQ1_S",
        20: "IQ4_NL", 21: "IQ3_S", 22: "IQ2_S", 23: "IQ4_XS", 24: "I8", 25: "I16", 26: "I32", 27: "I64", 28: "F64",
        29: "IQ1_M", 30: "BF16", 34: "TQ1_0", 35: "TQ2_0", 39: "MXFP4",
    ]

    static func isOne(_ head: [UInt8]) -> Bool { head.starts(with: magic) }

    /// Throws `NotInspected`, and what the source throws.
    static func inspect(_ part: SourcePart, into inspection: inout FileInspection) throws {
        var window = ByteWindow(part, at: magic.count)
        do {
            let version = try window.number(4)
            guard version == 2 || version == 3 else { throw NotInspected("it has the unknown version \(version)") }
            let (tensors, keys) = (try window.number(8), try window.number(8))
            guard keys <= UInt64(ScanLimit.keys), tensors <= UInt64(ScanLimit.tensors) else {
                throw NotInspected("it has \(keys) keys and \(tensors) tensors, more than are read")
            }
            var elementsLeft = ScanLimit.listElements
            var facts: [FileInspection.Fact] = []
            for _ in 0..<keys {
                let key = try text(&window, bytesMax: keyBytesMax) ?? ""
                let type = try window.number(4)
                let values = try value(type, in: &window, &elementsLeft)
                if isTold(key), !values.isEmpty { facts.append(.init(name: name(of: key), values: values)) }
            }
            inspection.add(facts)
            try readTensors(Int(tensors), &window, into: &inspection)
        } catch is ByteWindow.Ended {
            throw NotInspected("it ends within its header")
        }
    }

    /// What is told of the keys: not vocabularies and templates.
    private static func isTold(_ key: String) -> Bool {
        key.hasPrefix("general.") || key == "tokenizer.ggml.model"
            || [".context_length", ".block_count", ".embedding_length", ".expert_count"].contains { key.hasSuffix($0) }
    }

    /// The names that other formats have for the same.
    private static func name(of key: String) -> String {
        switch key {
        case "general.architecture": "architecture"
        case "general.license": "license"
        case "general.tags": "tags"
        case "general.datasets": "datasets"
        case "general.languages": "language"
        default: key
        }
    }

    /// What a value is as texts; nothing for what is too long to be told.
    private static func value(
        _ type: UInt64, in window: inout ByteWindow, _ elementsLeft: inout Int
    ) throws -> [String] {
        guard type == 9 else { return try scalar(type, in: &window).map { [$0] } ?? [] }
        let (inner, count) = (try window.number(4), try window.number(8))
        guard inner != 9 else { throw NotInspected("it has lists within lists") }
        guard count <= UInt64(elementsLeft) else {
            throw NotInspected("its lists have over \(ScanLimit.listElements) elements")
        }
        elementsLeft -= Int(count)
        if let size = sizes[inner], count > UInt64(ScanLimit.values) {
            try window.skip(count * UInt64(size))
            return []
        }
        var values: [String] = []
        for _ in 0..<count {
            let value = try scalar(inner, in: &window)
            if values.count < ScanLimit.values, let value { values.append(value) }
        }
        return count > UInt64(ScanLimit.values) ? [] : values
    }

    private static func scalar(_ type: UInt64, in window: inout ByteWindow) throws -> String? {
        switch type {
        case 8: return try text(&window, bytesMax: textBytesMax)
        case 0, 2, 4, 10: return String(try window.number(sizes[type] ?? 1))
        case 1: return String(Int8(truncatingIfNeeded: try window.number(1)))
        case 3: return String(Int16(truncatingIfNeeded: try window.number(2)))
        case 5: return String(Int32(truncatingIfNeeded: try window.number(4)))
        case 11: return String(Int64(bitPattern: try window.number(8)))
        case 6: return String(Float(bitPattern: UInt32(try window.number(4))))
        case 12: return String(Double(bitPattern: try window.number(8)))
        case 7: return try window.number(1) == 0 ? "false" : "true"
        default: throw NotInspected("a key has a value of the unknown type \(type)")
        }
    }

    /// A text; nil, and passed over, where it is too long to be told.
    private static func text(_ window: inout ByteWindow, bytesMax: UInt64) throws -> String? {
        let count = try window.number(8)
        guard count <= bytesMax else { throw NotInspected("a text of it has \(count) bytes") }
        guard count <= 4_096 else {
            try window.skip(count)
            return nil
        }
        return String(decoding: try window.bytes(Int(count)), as: UTF8.self)
    }

    private static func readTensors(
        _ count: Int, _ window: inout ByteWindow, into inspection: inout FileInspection
    ) throws {
        var elements: [String: Int64] = [:]
        var total: Int64 = 0
        for _ in 0..<count {
            _ = try text(&window, bytesMax: keyBytesMax)
            let axes = try window.number(4)
            guard axes <= UInt64(axesMax) else { throw NotInspected("a tensor of it has \(axes) axes") }
            var product: Int64 = 1
            for _ in 0..<axes {
                let length = try window.number(8)
                let (next, isOverflow) = product.multipliedReportingOverflow(by: Int64(clamping: length))
                guard !isOverflow else { throw NotInspected("a tensor of it has more elements than 64 bits count") }
                product = next
            }
            let type = try window.number(4)
            try window.skip(8)
            let (sum, isOverflow) = total.addingReportingOverflow(product)
            guard !isOverflow else { throw NotInspected("it has more elements than 64 bits count") }
            total = sum
            elements[types[type] ?? "type-\(type)", default: 0] += product
        }
        (inspection.tensorCount, inspection.parameterCount) = (count, total)
        inspection.elementTypes = elements
    }
}
