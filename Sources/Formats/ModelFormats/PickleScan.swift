/// Reads the opcodes of pickles, the imports that they reference among them, and runs none.
struct PickleScan {
    /// What the bytes turned out to be.
    enum Outcome: Equatable {
        case none
        /// The imports; a reason where the pickle was not read to its end.
        case pickle(imports: [String], rest: String?)
        /// It may be one: why that cannot be told.
        case undetermined(String)
    }

    /// A line is longer than is read.
    private struct LineTooLong: Error {}

    private static let lineBytesMax = 1 << 20
    private static let picklesMax = 1_000

    private var window: ByteWindow
    private let part: SourcePart
    private var machine = PickleMachine()
    private var hasHeader = false
    private var ended = 0
    private var lastEnd = 0

    private init(_ part: SourcePart) {
        self.part = part
        window = ByteWindow(part)
    }

    /// Looks at what begins with the first byte, as Python does.
    static func scan(_ part: SourcePart) throws -> Outcome {
        guard let first = try part.bytes(0, count: 1).first, PickleOpcode.argument(of: first) != nil else {
            return .none
        }
        var scan = PickleScan(part)
        return try scan.run()
    }

    private mutating func run() throws -> Outcome {
        do {
            while try pickle() {
                (ended, lastEnd) = (ended + 1, window.position)
                guard ended < Self.picklesMax else {
                    return outcome(rest: "over \(Self.picklesMax) pickles", isCut: true)
                }
                guard window.bytesLeft > 0 else { return outcome(rest: nil) }
                // What follows a pickle is the next one, or data that whoever loads it knows of.
                machine.restart()
            }
            let rest = "over \(ScanLimit.opcodes) opcodes"
            return isSeen || hasHeader ? outcome(rest: rest, isCut: true) : .undetermined(rest)
        } catch is PickleMachine.Fault {
            return try ended > 0 && !isSeen ? afterLast() : afterFault()
        } catch is ByteWindow.Ended {
            if part.isCut, !isSeen { return .undetermined("only its first bytes are unpacked") }
            return try ended > 0 && !isSeen ? afterLast() : outcome(rest: "it ends early")
        } catch is LineTooLong {
            return isSeen
                ? outcome(rest: "a line of over \(Self.lineBytesMax >> 20) MiB")
                : .undetermined("a line of over \(Self.lineBytesMax >> 20) MiB")
        }
    }

    /// What comes behind what was understood.
    private func afterFault() -> Outcome { outcome(rest: "what follows byte \(window.position) are no opcodes") }

    /// Without a header and imports, only what is a pickle to its last byte is taken for one.
    private func afterLast() throws -> Outcome {
        if hasHeader || isSeen { return outcome(rest: nil) }
        let rest = try part.bytes(lastEnd, count: 64)
        return rest.count == part.byteCount - lastEnd && rest.allSatisfy { [0x0A, 0x0D, 0x20].contains($0) }
            ? outcome(rest: nil) : .none
    }

    /// Whether enough was seen to be sure, wherever it ended.
    private var isSeen: Bool { machine.hasCalled || hasHeader && !machine.imports.isEmpty }

    /// `isCut` says that more was to come, and nothing was wrong so far.
    private func outcome(rest: String?, isCut: Bool = false) -> Outcome {
        guard isSeen || rest == nil || hasHeader && (ended > 0 || isCut) else { return .none }
        let imports = machine.imports.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
        let more = machine.hasMoreImports ? "over \(ScanLimit.imports) different imports" : nil
        return .pickle(imports: imports, rest: rest ?? more)
    }

    /// Reads up to STOP; false where there are too many opcodes.
    private mutating func pickle() throws -> Bool {
        while true {
            guard part.budget.takesOpcode() else { return false }
            let code = try window.byte()
            guard let argument = PickleOpcode.argument(of: code) else { throw PickleMachine.Fault() }
            switch argument {
            case .nothing:
                if code == UInt8(ascii: ".") {
                    guard !machine.isEmpty else { throw PickleMachine.Fault() }
                    return true
                }
                try plain(code)
            case .fixed(let count): try fixed(code, try window.number(count))
            case .counted(let count): try counted(code, try window.number(count))
            case .line: try line(code, try line())
            case .twoLines: try twoLines(code, try line(), try line())
            }
        }
    }

    // MARK: Opcodes

    private mutating func plain(_ code: UInt8) throws(PickleMachine.Fault) {
        switch code {
        case UInt8(ascii: "("): try machine.push(.mark)
        case UInt8(ascii: "0"): try machine.popAny()
        case UInt8(ascii: "1"): try machine.popToMark()
        case UInt8(ascii: "2"): try machine.duplicate()
        case UInt8(ascii: "N"), UInt8(ascii: "}"), UInt8(ascii: "]"), UInt8(ascii: ")"), 0x88, 0x89, 0x8F, 0x97:
            try machine.push(.other)
        case UInt8(ascii: "Q"), 0x85: try replace(1)
        case 0x86: try replace(2)
        case 0x87: try replace(3)
        case UInt8(ascii: "R"), 0x81: try call(2)
        case 0x92: try call(3)
        case UInt8(ascii: "a"):
            try machine.require(2)
            try machine.pop(1)
            machine.call()
        case UInt8(ascii: "b"):
            try machine.require(2)
            try machine.pop(1)
            machine.call()
        case UInt8(ascii: "s"):
            try machine.require(3)
            try machine.pop(2)
            machine.call()
        case UInt8(ascii: "e"), UInt8(ascii: "u"), 0x90:
            try machine.popToMark()
            try machine.require(1)
            machine.call()
        case UInt8(ascii: "d"), UInt8(ascii: "l"), UInt8(ascii: "t"), 0x91:
            try machine.popToMark()
            try machine.push(.other)
        case UInt8(ascii: "o"):
            try machine.popToMark()
            machine.call()
            try machine.push(.other)
        case 0x93: try machine.importFromStack()
        case 0x94: try machine.memoize(as: nil)
        default: try machine.require(1)  // READONLY_BUFFER
        }
    }

    private mutating func replace(_ count: Int) throws(PickleMachine.Fault) {
        try machine.pop(count)
        try machine.push(.other)
    }

    private mutating func call(_ count: Int) throws(PickleMachine.Fault) {
        try replace(count)
        machine.call()
    }

    private mutating func fixed(_ code: UInt8, _ number: UInt64) throws(PickleMachine.Fault) {
        switch code {
        case 0x80:
            guard number <= 5 else { throw PickleMachine.Fault() }
            hasHeader = true
        case 0x95: break
        case 0x82, 0x83, 0x84:
            machine.importName("copyreg extension", "\(number)")
            try machine.push(.other)
        case UInt8(ascii: "h"), UInt8(ascii: "j"): try machine.recall(number)
        case UInt8(ascii: "q"), UInt8(ascii: "r"): try machine.memoize(as: number)
        default: try machine.push(.other)
        }
    }

    private mutating func counted(_ code: UInt8, _ count: UInt64) throws {
        let isText =
            code == UInt8(ascii: "X") || code == 0x8C || code == 0x8D || code == UInt8(ascii: "U")
            || code == UInt8(ascii: "T")
        guard isText, count <= UInt64(ScanLimit.textBytes), count <= UInt64(window.bytesLeft) else {
            try window.skip(count)
            return try machine.push(.other)
        }
        try machine.push(.text(String(decoding: try window.bytes(Int(count)), as: UTF8.self)))
    }

    private mutating func line(_ code: UInt8, _ line: [UInt8]) throws(PickleMachine.Fault) {
        switch code {
        case UInt8(ascii: "g"), UInt8(ascii: "p"):
            guard let key = UInt64(String(decoding: line, as: UTF8.self).trimmed) else { throw PickleMachine.Fault() }
            if code == UInt8(ascii: "g") { try machine.recall(key) } else { try machine.memoize(as: key) }
        case UInt8(ascii: "S"):
            let text = Self.trimmed(line)
            guard text.count >= 2, let quote = text.first, [0x22, 0x27].contains(quote), text.last == quote else {
                throw PickleMachine.Fault()
            }
            try machine.push(Self.value(text.dropFirst().dropLast()))
        case UInt8(ascii: "V"): try machine.push(Self.value(line[...]))
        case UInt8(ascii: "P"): try machine.push(.other)
        default:
            guard !line.isEmpty, line.allSatisfy(Self.isNumeric) else { throw PickleMachine.Fault() }
            try machine.push(.other)
        }
    }

    private mutating func twoLines(
        _ code: UInt8, _ module: [UInt8], _ name: [UInt8]
    ) throws(PickleMachine.Fault) {
        // Python could import nothing else; a text that only looks like opcodes has such lines.
        guard hasHeader || [module, name].allSatisfy({ !$0.isEmpty && $0.allSatisfy(Self.isOfName) }) else {
            throw PickleMachine.Fault()
        }
        if code == UInt8(ascii: "i") { try machine.popToMark() }
        machine.importName(Self.text(module), Self.text(name))
        if code == UInt8(ascii: "i") { machine.call() }
        try machine.push(.other)
    }

    // MARK: Lines

    private mutating func line() throws -> [UInt8] {
        var line: [UInt8] = []
        while true {
            let byte = try window.byte()
            if byte == 0x0A { return line }
            guard line.count < Self.lineBytesMax else { throw LineTooLong() }
            line.append(byte)
        }
    }

    private static func trimmed(_ line: [UInt8]) -> ArraySlice<UInt8> {
        let start = line.firstIndex { !isSpace($0) } ?? line.endIndex
        let end = line.lastIndex { !isSpace($0) }.map { $0 + 1 } ?? start
        return line[start..<max(start, end)]
    }

    private static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || 0x09...0x0D ~= byte }

    private static func isNumeric(_ byte: UInt8) -> Bool {
        isSpace(byte) || "0123456789abcdefABCDEFxXoOlL_+-.nNtTyY".utf8.contains(byte)
    }

    private static func isOfName(_ byte: UInt8) -> Bool {
        byte >= 0x80 || byte == UInt8(ascii: "_") || byte == UInt8(ascii: ".") || byte == 0x0D
            || UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte || UInt8(ascii: "a")...UInt8(ascii: "z") ~= byte | 0x20
    }

    private static func value(_ bytes: ArraySlice<UInt8>) -> PickleValue {
        bytes.count <= ScanLimit.textBytes ? .text(String(decoding: bytes, as: UTF8.self)) : .other
    }

    private static func text(_ bytes: [UInt8]) -> String {
        String(decoding: bytes.prefix(ScanLimit.textBytes), as: UTF8.self).trimmed
    }
}

extension String {
    /// Without spaces and line ends around it.
    var trimmed: String {
        let scalars = unicodeScalars
        guard let start = scalars.firstIndex(where: { !$0.properties.isWhitespace }),
            let end = scalars.lastIndex(where: { !$0.properties.isWhitespace })
        else { return "" }
        return String(scalars[start...end])
    }
}
