import EvaluationProtocol
import ONNXRuntime

/// The header of an array file of numpy: element type, byte order and shape.
///
/// The format is in numpy's documentation, `numpy.lib.format`, versions 1.0, 2.0 and 3.0. Only what numpy itself writes
/// is read; the dictionary is parsed, never evaluated.
struct NpyHeader: Equatable {
    /// What one element is.
    enum Element: Equatable {
        case number(OnnxElementType)
        /// So many code points of 32 bits, those that are not needed being 0.
        case text(codePoints: Int)
        /// So many bytes of UTF-8, those that are not needed being 0.
        case bytes(Int)

        var byteSize: Int {
            switch self {
            case .number(let type): type.byteSize ?? 0
            case .text(let codePoints): 4 * codePoints
            case .bytes(let count): count
            }
        }
    }

    let element: Element
    let isBigEndian: Bool
    let shape: [Int]
    /// Whether the first dimension is the one whose elements follow each other (Fortran order), and not the last.
    let isColumnMajor: Bool

    /// Bytes before the length of the dictionary: magic string, major and minor version.
    static let prefixBytes = 8
    /// numpy reads no longer ones, unless it is told to trust a file.
    static let dictionaryBytesMax = 10_000
    static let rankMax = 32
    /// Code points or bytes of one string.
    static let stringLengthMax = 65_536
    static let magic: [UInt8] = [0x93] + Array("NUMPY".utf8)

    /// How many bytes the length of the dictionary takes, from the first eight bytes of the file.
    static func lengthBytes(prefix: [UInt8]) throws(NpyError) -> Int {
        guard prefix.count == prefixBytes, prefix.starts(with: magic) else { throw .notAnArray }
        return switch (prefix[6], prefix[7]) {
        case (1, 0): 2
        case (2, 0), (3, 0): 4
        default: throw .unknownVersion(major: prefix[6], minor: prefix[7])
        }
    }

    /// The header of a dictionary such as `{'descr': '<f4', 'fortran_order': False, 'shape': (500, 64), }`.
    init(dictionary: [UInt8]) throws(NpyError) {
        // numpy writes the element type first, and that of an array with fields as a list.
        if dictionary.starts(with: "{'descr': [".utf8) {
            throw Self.holdsObjects(dictionary) ? .pickledObjects : .structured
        }
        var parser = PythonLiteralParser(dictionary)
        var description: String?
        var isFortranOrder: Bool?
        var shape: [Int]?
        try parser.parseDictionary { (key, parser) throws(NpyError) in
            switch key {
            case "descr" where description == nil: description = try parser.string()
            case "fortran_order" where isFortranOrder == nil: isFortranOrder = try parser.boolean()
            case "shape" where shape == nil: shape = try parser.tuple(countMax: Self.rankMax)
            default: throw .malformedHeader
            }
        }
        guard let description, let isFortranOrder, let shape else { throw .malformedHeader }
        (element, isBigEndian) = try Self.type(description)
        self.shape = shape
        // In one dimension both orders are the same.
        isColumnMajor = isFortranOrder && shape.count > 1
    }

    /// Whether a text in quotes is the type of objects: one of the fields has it, or is at least called so.
    private static func holdsObjects(_ dictionary: [UInt8]) -> Bool {
        dictionary.split(separator: UInt8(ascii: "'")).contains { text in
            let name = text.drop { "<>|=".utf8.contains($0) }
            return name.first == UInt8(ascii: "O") && name.dropFirst().allSatisfy { (0x30...0x39).contains($0) }
        }
    }

    /// Bytes of all elements in the file; nil if they are more than 64 bits count.
    var byteCount: Int? { bytes(perElement: element.byteSize) }

    /// Bytes that all elements take in memory; a string takes some whatever is in it, and turning column-major elements
    /// into rows takes as much again.
    var memoryBytes: Int? {
        let copies = isColumnMajor ? 2 : 1
        return switch element {
        case .number: bytes(perElement: copies * element.byteSize)
        case .text, .bytes: bytes(perElement: copies * element.byteSize + MemoryLayout<String>.stride)
        }
    }

    private func bytes(perElement size: Int) -> Int? {
        shape.reduce(size as Int?) { total, dimension in
            guard let (product, isOverflow) = total?.multipliedReportingOverflow(by: dimension) else { return nil }
            return isOverflow ? nil : product
        }
    }

    private static func type(_ description: String) throws(NpyError) -> (Element, isBigEndian: Bool) {
        guard let order = description.first, "<>|=".contains(order) else {
            throw .unsupportedType(description)
        }
        let name = description.dropFirst()
        // numpy writes objects as '|O'; reading them means running a pickle.
        guard !name.hasPrefix("O") else { throw .pickledObjects }
        if let type = types[String(name)] { return (.number(type), order == ">") }
        let digits = name.dropFirst()
        guard digits.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }), digits.first != "0",
            let length = Int(digits), (1...stringLengthMax).contains(length)
        else {
            throw .unsupportedType(description)
        }
        return switch name.first {
        case "U": (.text(codePoints: length), order == ">")
        case "S": (.bytes(length), false)
        default: throw .unsupportedType(description)
        }
    }

    private static let types: [String: OnnxElementType] = [
        "f2": .float16, "f4": .float32, "f8": .float64, "i1": .int8, "i2": .int16, "i4": .int32, "i8": .int64,
        "u1": .uint8, "u2": .uint16, "u4": .uint32, "u8": .uint64, "b1": .bool,
    ]
}

/// Why bytes are no array that can be used.
enum NpyError: Error, Equatable {
    case notAnArray
    case unknownVersion(major: UInt8, minor: UInt8)
    case malformedHeader
    case headerTooLong
    case pickledObjects
    case unsupportedType(String)
    /// Every element has fields of their own types.
    case structured
    case endsEarly
    case trailingData
    case malformedText
    case malformedBool

    /// Whether the array is well-formed, and of a type that is not read: one that nobody asks for is passed over.
    var isOfOtherType: Bool {
        switch self {
        case .unsupportedType, .structured: true
        default: false
        }
    }

    /// The failure of a dataset with such an array in it.
    func failure(array name: String) -> EvaluationFailure {
        let subject = "the dataset's array \(MessageText.quote(name))"
        return switch self {
        case .notAnArray: EvaluationFailure(.invalidDataset, "\(subject) is not in numpy's format")
        case .unknownVersion(let major, let minor):
            EvaluationFailure(.invalidDataset, "\(subject) has format version \(major).\(minor); 1.0 to 3.0 are known")
        case .malformedHeader: EvaluationFailure(.invalidDataset, "\(subject) has a malformed header")
        case .headerTooLong: EvaluationFailure(.invalidDataset, "\(subject) has a header above the size limit")
        case .pickledObjects:
            EvaluationFailure(
                .invalidDataset, "\(subject) holds pickled Python objects, which are never read; save plain numbers",
                remedy: "save strings with .astype(str), and numbers with .astype(numpy.float32) or numpy.int64")
        case .unsupportedType(let type):
            EvaluationFailure(
                .unsupportedType,
                "\(subject) has element type \(MessageText.quote(type)); numbers of up to 64 bits, bools and strings "
                    + "are read",
                remedy: "save it with .astype(numpy.float32), as the type that the model takes")
        case .structured:
            EvaluationFailure(
                .unsupportedType, "\(subject) is a structured array: its elements have fields",
                remedy: "save each field as an array of its own")
        case .endsEarly: EvaluationFailure(.invalidDataset, "\(subject) ends before its last element")
        case .trailingData: EvaluationFailure(.invalidDataset, "\(subject) goes on after its last element")
        case .malformedBool:
            EvaluationFailure(.invalidDataset, "\(subject) holds a bool that is neither 0 nor 1")
        case .malformedText:
            EvaluationFailure(
                .invalidDataset, "\(subject) holds a string that is no valid Unicode, or has a zero in it")
        }
    }
}
