import AssayDomain

/// The header of a safetensors file: its tensors, and the texts beside them. No tensor is read.
///
/// Source: huggingface/safetensors 0.6, "Format": eight bytes of length, JSON, data without holes.
struct Safetensors {
    /// Bits of one element.
    private static let bits: [String: Int64] = [
        "BOOL": 8, "U8": 8, "I8": 8, "F8_E5M2": 8, "F8_E4M3": 8, "F8_E8M0": 8, "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6,
        "I16": 16, "U16": 16, "F16": 16, "BF16": 16, "I32": 32, "U32": 32, "F32": 32, "C64": 64, "F64": 64, "I64": 64,
        "U64": 64,
    ]
    private static let metadataName = "__metadata__"

    /// Whether a file begins as one: a length that fits, and an opening brace.
    static func isLikely(_ part: SourcePart, named name: String) throws -> Bool {
        if name.utf8.suffix(12).elementsEqual(".safetensors".utf8) { return true }
        let head = try part.bytes(0, count: 9)
        guard head.count == 9, head[8] == UInt8(ascii: "{") else { return false }
        return length(head) <= UInt64(part.byteCount - 8)
    }

    private static func length(_ head: [UInt8]) -> UInt64 {
        (0..<8).reduce(0) { $0 | UInt64(head[$1]) << (8 * UInt64($1)) }
    }

    /// Throws `NotInspected`, and what the source throws.
    static func inspect(_ part: SourcePart, into inspection: inout FileInspection) throws {
        let head = try part.bytes(0, count: 8)
        guard head.count == 8 else { throw NotInspected("it has fewer bytes than the length of a header takes") }
        let length = length(head)
        guard length <= UInt64(part.byteCount - 8) else {
            throw NotInspected("its header has \(length) bytes, which is more than the file")
        }
        guard length <= UInt64(ScanLimit.headerBytes) else {
            throw NotInspected("its header has \(length) bytes; at most \(ScanLimit.headerBytes) are read")
        }
        let header = try part.bytes(8, count: Int(length))
        let document: JSONValue
        do {
            try JSONWeight.check(header, limit: ScanLimit.headerBytes * 2)
            document = try JSONValue(parsing: header.trimmedEnd)
        } catch {
            throw NotInspected("its header is no JSON that is read: \(error.reason ?? error.message)")
        }
        guard case .object(let members) = document else { throw NotInspected("its header is no object") }
        try read(members, dataBytes: Int64(part.byteCount) - 8 - Int64(length), into: &inspection)
    }

    private static func read(
        _ members: [JSONValue.Member], dataBytes: Int64, into inspection: inout FileInspection
    ) throws(NotInspected) {
        var ranges: [(Int64, Int64)] = []
        var elements: [String: Int64] = [:]
        var total: Int64 = 0
        for member in members {
            if member.isNamed(metadataName) {
                inspection.add(facts(of: member.value))
                continue
            }
            let name = Printable.quote(member.name, limit: 80)
            let tensor = try tensor(member.value, name)
            guard tensor.end <= dataBytes else { throw NotInspected("the tensor \(name) ends after the file") }
            let (sum, isOverflow) = total.addingReportingOverflow(tensor.count)
            guard !isOverflow, ranges.count < ScanLimit.tensors else { throw NotInspected("it has too many elements") }
            total = sum
            elements[tensor.type, default: 0] += tensor.count
            ranges.append((tensor.start, tensor.end))
        }
        ranges.sort { $0 < $1 }
        var position: Int64 = 0
        for range in ranges {
            guard range.0 >= position else { throw NotInspected("two of its tensors overlap") }
            guard range.0 == position else { throw NotInspected("there is a hole between its tensors") }
            position = range.1
        }
        guard position == dataBytes else { throw NotInspected("there are bytes behind its tensors") }
        (inspection.tensorCount, inspection.parameterCount) = (ranges.count, total)
        inspection.elementTypes = elements
    }

    private struct Tensor {
        let type: String
        let count: Int64
        let start: Int64
        let end: Int64
    }

    private static func tensor(_ value: JSONValue, _ name: String) throws(NotInspected) -> Tensor {
        guard case .object(let fields) = value, fields.count == 3, case .text(let type)? = value["dtype"],
            case .list(let shape)? = value["shape"], case .list(let offsets)? = value["data_offsets"],
            offsets.count == 2, let start = whole(offsets[0]), let end = whole(offsets[1]), start <= end
        else { throw NotInspected("the tensor \(name) is not described as one") }
        guard let bits = bits[type] else {
            throw NotInspected("the tensor \(name) has the unknown type \(Printable.quote(type, limit: 40))")
        }
        var count: Int64 = 1
        for axis in shape {
            guard let length = whole(axis) else { throw NotInspected("the tensor \(name) has an impossible shape") }
            let (product, isOverflow) = count.multipliedReportingOverflow(by: length)
            guard !isOverflow else { throw NotInspected("the tensor \(name) has more elements than 64 bits count") }
            count = product
        }
        let (size, isOverflow) = count.multipliedReportingOverflow(by: bits)
        guard !isOverflow, size % 8 == 0, size / 8 == end - start else {
            throw NotInspected("the tensor \(name) has \(end - start) bytes, which are not those of its shape")
        }
        return Tensor(type: type, count: count, start: start, end: end)
    }

    /// A number of digits alone.
    private static func whole(_ value: JSONValue) -> Int64? {
        guard case .number(let text) = value, text.utf8.allSatisfy({ 0x30...0x39 ~= $0 }) else { return nil }
        return Int64(text)
    }

    private static func facts(of metadata: JSONValue) -> [FileInspection.Fact] {
        metadata.members.compactMap { member in
            guard case .text(let text) = member.value else { return nil }
            return .init(name: "metadata.\(member.name)", values: [text])
        }
    }
}

extension [UInt8] {
    /// Without the spaces by which writers align what follows.
    var trimmedEnd: [UInt8] { Array(self[..<((lastIndex { $0 != 0x20 } ?? -1) + 1)]) }
}

extension FileInspection {
    /// Adds what is said, as far as it is kept: texts are cut, and there are only so many.
    mutating func add(_ more: [Fact]) {
        guard !more.isEmpty else { return }
        let room = max(0, ScanLimit.facts - (facts?.count ?? 0))
        let kept = more.prefix(room).map { fact in
            Fact(
                name: Self.cut(fact.name, to: 80), values: fact.values.prefix(ScanLimit.values).map { Self.cut($0) })
        }
        facts = (facts ?? []) + kept
        if more.count > room { notInspected = notInspected ?? "it says over \(ScanLimit.facts) things of itself" }
    }

    private static func cut(_ text: String, to limit: Int = ScanLimit.textBytes) -> String {
        guard text.utf8.count > limit else { return text }
        var result = ""
        for scalar in text.unicodeScalars {
            guard result.utf8.count + 4 <= limit else { break }
            result.unicodeScalars.append(scalar)
        }
        return result + "…"
    }
}
