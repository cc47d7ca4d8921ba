/// What one opcode of a pickle does to the stack, as far as it matters here.
///
/// Source: CPython 3.13, Lib/pickletools.py.
enum PickleOpcode {
    /// What follows an opcode.
    enum Argument {
        case nothing
        case fixed(Int)
        /// A length of so many bytes, and as many bytes.
        case counted(Int)
        case line
        case twoLines
    }

    static func argument(of code: UInt8) -> Argument? {
        switch code {
        case UInt8(ascii: "F"), UInt8(ascii: "I"), UInt8(ascii: "L"), UInt8(ascii: "P"), UInt8(ascii: "S"),
            UInt8(ascii: "V"), UInt8(ascii: "g"), UInt8(ascii: "p"):
            .line
        case UInt8(ascii: "c"), UInt8(ascii: "i"): .twoLines
        case UInt8(ascii: "K"), UInt8(ascii: "h"), UInt8(ascii: "q"), 0x80, 0x82: .fixed(1)
        case UInt8(ascii: "M"), 0x83: .fixed(2)
        case UInt8(ascii: "J"), UInt8(ascii: "j"), UInt8(ascii: "r"), 0x84: .fixed(4)
        case UInt8(ascii: "G"), 0x95: .fixed(8)
        case UInt8(ascii: "U"), UInt8(ascii: "C"), 0x8A, 0x8C: .counted(1)
        case UInt8(ascii: "T"), UInt8(ascii: "X"), UInt8(ascii: "B"), 0x8B: .counted(4)
        case 0x8D, 0x8E, 0x96: .counted(8)
        case UInt8(ascii: "("), UInt8(ascii: "."), UInt8(ascii: "0"), UInt8(ascii: "1"), UInt8(ascii: "2"),
            UInt8(ascii: "N"), UInt8(ascii: "Q"), UInt8(ascii: "R"), UInt8(ascii: "a"), UInt8(ascii: "b"),
            UInt8(ascii: "d"), UInt8(ascii: "}"), UInt8(ascii: "e"), UInt8(ascii: "l"), UInt8(ascii: "]"),
            UInt8(ascii: "o"), UInt8(ascii: "s"), UInt8(ascii: "t"), UInt8(ascii: ")"), UInt8(ascii: "u"),
            0x81, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8F, 0x90, 0x91, 0x92, 0x93, 0x94, 0x97, 0x98:
            .nothing
        default: nil
        }
    }
}

/// What is known of a value on the stack of a pickle.
enum PickleValue: Equatable {
    case mark
    case text(String)
    case other
}

/// The stack and the memo of a pickle that is looked at and never loaded.
struct PickleMachine {
    /// More is no pickle that anybody saved.
    private static let stackMax = 1_000_000

    private var stack: [PickleValue] = []
    private var memo: [UInt64: PickleValue] = [:]
    /// `module.name`
    private(set) var imports: Set<String> = []
    /// Whether there are more imports than are told.
    private(set) var hasMoreImports = false
    /// Whether something that was imported was called.
    private(set) var hasCalled = false

    /// A pickle would fail here when it is loaded.
    struct Fault: Error {}

    var isEmpty: Bool { stack.isEmpty }

    mutating func push(_ value: PickleValue) throws(Fault) {
        guard stack.count < Self.stackMax else { throw Fault() }
        stack.append(value)
    }

    mutating func pop(_ count: Int) throws(Fault) {
        guard stack.count >= count, !stack.suffix(count).contains(.mark) else { throw Fault() }
        stack.removeLast(count)
    }

    mutating func popToMark() throws(Fault) {
        guard let place = stack.lastIndex(of: .mark) else { throw Fault() }
        stack.removeSubrange(place...)
    }

    mutating func require(_ count: Int) throws(Fault) {
        guard stack.count >= count, !stack.suffix(count).contains(.mark) else { throw Fault() }
    }

    mutating func popAny() throws(Fault) {
        guard stack.popLast() != nil else { throw Fault() }
    }

    mutating func duplicate() throws(Fault) {
        guard let last = stack.last, last != .mark else { throw Fault() }
        try push(last)
    }

    mutating func memoize(as key: UInt64?) throws(Fault) {
        guard let last = stack.last, last != .mark, memo.count < Self.stackMax else { throw Fault() }
        memo[key ?? UInt64(memo.count)] = last
    }

    mutating func recall(_ key: UInt64) throws(Fault) {
        guard let value = memo[key] else { throw Fault() }
        try push(value)
    }

    mutating func importName(_ module: String, _ name: String) {
        let full = "\(module).\(name)"
        guard imports.count < ScanLimit.imports || imports.contains(full) else {
            hasMoreImports = true
            return
        }
        imports.insert(full)
    }

    /// Takes module and name from the stack.
    mutating func importFromStack() throws(Fault) {
        try require(2)
        let pair = stack.suffix(2).map { value in if case .text(let text) = value { text } else { "<computed>" } }
        try pop(2)
        importName(pair[0], pair[1])
        try push(.other)
    }

    /// Whoever calls without an import has nothing to call.
    mutating func call() { hasCalled = hasCalled || !imports.isEmpty }

    /// A new pickle begins; what was imported stays known.
    mutating func restart() {
        stack = []
        memo = [:]
    }
}
