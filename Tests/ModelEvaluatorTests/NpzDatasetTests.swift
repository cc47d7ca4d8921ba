import EvaluationProtocol
import ONNXRuntime
import Testing

@testable import ModelEvaluator

@Suite struct `Dataset archive` {
    private func load(
        _ build: (inout NpzBytes) -> Void, damaged: Bool = false, bytesMax: Int = 1 << 20
    ) throws -> NpzDataset {
        var archive = NpzBytes()
        build(&archive)
        let file = try TemporaryFile(archive.archive(damaged: damaged))
        return try NpzDataset(path: file.path, wanted: { $0 == "x" }, bytesMax: bytesMax)
    }

    private func failure(_ load: () throws -> NpzDataset) throws -> EvaluationFailure {
        try #require(throws: EvaluationFailure.self) { try load() }
    }

    @Test func `an array is read with its type, shape and elements`() throws {
        let dataset = try load { $0.add("x", "<f4", shape: "(2, 1)", [Float(1.5), -2]) }
        let array = try #require(dataset.arrays["x"])
        #expect(array.elementType == .float32)
        #expect(array.shape == [2, 1])
        #expect(array.numbers() == [1.5, -2])
        #expect(array.elements() == .floatingPoint([1.5, -2]))
    }

    @Test func `an array that is not wanted is named and not kept`() throws {
        let dataset = try load {
            $0.add("x", "|u1", shape: "(1,)", [UInt8(7)])
            $0.add("a", "|u1", shape: "(1,)", [UInt8(8)])
            $0.add(entry: "notes.txt", Array("no array".utf8))
        }
        #expect(dataset.names == ["a", "x"])
        #expect(dataset.arrays.keys.sorted() == ["x"])
    }

    @Test func `every whole number type is read in both byte orders`() throws {
        func integers(_ type: String, _ bytes: [UInt8]) throws -> [Int]? {
            let dataset = try load { $0.add("x", type, shape: "(1,)", bytes) }
            guard case .integers(let numbers) = dataset.arrays["x"]?.elements() else { return nil }
            return numbers
        }
        #expect(try integers("|i1", [0xFF]) == [-1])
        #expect(try integers("|b1", [1]) == [1])
        #expect(try integers("<i2", [0xFE, 0xFF]) == [-2])
        #expect(try integers(">i2", [0xFF, 0xFE]) == [-2])
        #expect(try integers(">u4", [0, 0, 1, 0]) == [256])
        #expect(try integers("<i8", [3, 0, 0, 0, 0, 0, 0, 0]) == [3])
        #expect(try integers(">u8", [0, 0, 0, 0, 0, 0, 1, 1]) == [257])
        #expect(try integers("<u8", [UInt8](repeating: 0xFF, count: 8)) == nil)
    }

    @Test func `a bool that is neither 0 nor 1 is refused`() throws {
        let failure = try failure { try load { $0.add("x", "|b1", shape: "(1,)", [9] as [UInt8]) } }
        #expect(failure.kind == .invalidDataset)
    }

    @Test(arguments: [["x", "x.npy"], ["label", "label.npy", "x.npy"], ["x.npy", "x.npy.npy"]])
    func `two entries that numpy takes for one array are refused`(entries: [String]) throws {
        let array = NpzBytes.header("|u1", shape: "(1,)") + [5]
        let failure = try failure { try load { archive in entries.forEach { archive.add(entry: $0, array) } } }
        #expect(failure.kind == .invalidDataset)
    }

    @Test func `an array that is not called one is refused`() throws {
        let array = NpzBytes.header("|u1", shape: "(1,)") + [5]
        let failure = try failure { try load { $0.add(entry: "x", array) } }
        #expect(failure.message.contains("not called .npy"))
    }

    @Test func `names are compared by their bytes`() throws {
        var archive = NpzBytes()
        archive.add(entry: "x.npy", NpzBytes.header("|u1", shape: "(1,)") + [5])
        let file = try TemporaryFile(archive.archive())
        let dataset = try NpzDataset(path: file.path, wanted: { $0 == "x" }, bytesMax: 1 << 20)
        #expect(dataset.arrays[ByteName("x")] != nil)
        #expect(ByteName("\u{e9}") != ByteName("e\u{301}"))
        #expect(Set([ByteName("\u{e9}"), ByteName("e\u{301}")]).count == 2)
    }

    @Test func `half and big-endian double precision are read`() throws {
        let half = try load { $0.add("x", "<f2", shape: "(1,)", [0, 0x3E] as [UInt8]) }
        #expect(half.arrays["x"]?.numbers() == [1.5])
        let double = try load { $0.add("x", ">f8", shape: "(1,)", [0x3F, 0xF8, 0, 0, 0, 0, 0, 0] as [UInt8]) }
        #expect(double.arrays["x"]?.numbers() == [1.5])
    }

    @Test(
        arguments: [
            ("(3,)", [0, 1, 2]), ("(2, 3)", [0, 2, 4, 1, 3, 5]), ("(6, 1)", [0, 1, 2, 3, 4, 5]),
            ("(2, 2, 2)", [0, 4, 2, 6, 1, 5, 3, 7]), ("(2, 3, 0)", []), ("(0, 2)", []),
        ] as [(String, [Double])])
    func `an array in Fortran order is turned into rows`(shape: String, expected: [Double]) throws {
        let bytes: [UInt8] = expected.indices.flatMap { [UInt8($0), 0] as [UInt8] }
        let dataset = try load { $0.add("x", "<i2", shape: shape, bytes, fortran: true) }
        #expect(dataset.arrays["x"]?.numbers() == expected)
        let turned = try load { $0.add("x", ">i2", shape: shape, bytes, fortran: true) }
        #expect(turned.arrays["x"]?.numbers() == expected.map { $0 * 256 })
    }

    @Test func `strings in Fortran order are turned into rows`() throws {
        let dataset = try load { $0.add("x", "|S2", shape: "(2, 2)", Array("a\0bcd\0ef".utf8), fortran: true) }
        #expect(dataset.arrays["x"]?.elements() == .strings(["a", "d", "bc", "ef"]))
    }

    @Test func `turning into rows counts its memory twice`() throws {
        let bytes = [UInt8](repeating: 0, count: 1_000)
        let limit = try failure {
            try load({ $0.add("x", "|u1", shape: "(10, 100)", bytes, fortran: true) }, bytesMax: 1_999)
        }
        #expect(limit.kind == .resourceLimit)
        #expect(
            try load({ $0.add("x", "|u1", shape: "(10, 100)", bytes, fortran: true) }, bytesMax: 2_000).names == ["x"])
    }

    @Test(arguments: [1, 2, 3] as [UInt8])
    func `the three format versions are read`(version: UInt8) throws {
        let dataset = try load {
            $0.add(entry: "x.npy", NpzBytes.header("|u1", shape: "(1,)", version: version) + [5])
        }
        #expect(dataset.arrays["x"]?.numbers() == [5])
    }

    @Test func `pickled objects are refused wherever they are`() throws {
        let failure = try failure {
            try load {
                $0.add("x", "|u1", shape: "(1,)", [UInt8(7)])
                $0.add("other", "|O", shape: "(1,)", [UInt8(0x80)])
            }
        }
        #expect(failure.kind == .invalidDataset)
        #expect(failure.message.contains("pickled"))
    }

    @Test func `strings are read in both byte orders and as bytes`() throws {
        func strings(_ type: String, _ bytes: [UInt8]) throws -> OnnxOutput.Elements? {
            try load { $0.add("x", type, shape: "(2,)", bytes) }.arrays["x"]?.elements()
        }
        let little: [UInt8] = [0x61, 0, 0, 0, 0, 0, 0, 0, 0xE4, 0, 0, 0, 0x62, 0, 0, 0]
        let big: [UInt8] = [0, 0, 0, 0x61, 0, 0, 0, 0, 0, 0, 0, 0xE4, 0, 0, 0, 0x62]
        #expect(try strings("<U2", little) == .strings(["a", "äb"]))
        #expect(try strings(">U2", big) == .strings(["a", "äb"]))
        #expect(try strings("|S3", Array("ab\0c\0\0".utf8)) == .strings(["ab", "c"]))
    }

    @Test(
        arguments: [
            ("<U1", [0, 0xD8, 0, 0]), ("<U1", [0, 0, 0x11, 0]), ("<U2", [0, 0, 0, 0, 0x61, 0, 0, 0]),
            ("|S2", [0xC3, 0x28]),
            ("|S2", [0, 0x61]),
        ] as [(String, [UInt8])])
    func `strings that are no Unicode, or have a zero in them, are refused`(type: String, bytes: [UInt8]) throws {
        let failure = try failure { try load { $0.add("x", type, shape: "(1,)", bytes) } }
        #expect(failure.kind == .invalidDataset)
        #expect(failure.message.contains("Unicode"))
    }

    @Test func `strings are limited by what they take in memory`() throws {
        let failure = try failure {
            try load({ $0.add("x", "|S1", shape: "(900,)", [UInt8](repeating: 65, count: 900)) }, bytesMax: 2_000)
        }
        #expect(failure.kind == .resourceLimit)
    }

    @Test(arguments: ["<U0", "<U+1", "<U01", "|S99999999", "<U-1", "<c16", "<M8[s]", "f4", "<f3", "", "[('a', '<f4')]"])
    func `other element types are refused by name`(type: String) throws {
        let failure = try failure { try load { $0.add("x", type, shape: "(1,)", [UInt8](repeating: 0, count: 64)) } }
        #expect(failure.kind == .unsupportedType || failure.kind == .invalidDataset)
        #expect(failure.message.contains("'x'"))
    }

    @Test(arguments: ["'<M8[s]'", "'<m8[ns]'", "'<c16'", "'<f16'", "'<V2'", "[('a', '<f4'), ('b', '<i8')]"])
    func `an array of another type is passed over where nobody wants it`(type: String) throws {
        let header = NpzBytes.header(dictionary: "{'descr': \(type), 'fortran_order': False, 'shape': (1,), }")
        func read(_ wanted: String) throws -> NpzDataset {
            var archive = NpzBytes()
            archive.add("x", "|u1", shape: "(1,)", [UInt8(7)])
            archive.add(entry: "time.npy", header + [UInt8](repeating: 0, count: 32))
            let file = try TemporaryFile(archive.archive())
            return try NpzDataset(path: file.path, wanted: { $0 == ByteName(wanted) }, bytesMax: 1 << 20)
        }
        let dataset = try read("x")
        #expect(dataset.arrays[ByteName("x")]?.numbers() == [7] && dataset.names == ["time", "x"])
        let failure = try failure { try read("time") }
        #expect(failure.kind == .unsupportedType && failure.remedy != nil)
    }

    @Test(arguments: ["'|O'", "[('a', '<f4'), ('b', 'O')]", "[('a', '<f4'), ('b', '|O8', (2,))]"])
    func `objects are refused also where nobody wants them, and in fields`(type: String) throws {
        let header = NpzBytes.header(dictionary: "{'descr': \(type), 'fortran_order': False, 'shape': (1,), }")
        let failure = try failure {
            var archive = NpzBytes()
            archive.add(entry: "time.npy", header + [UInt8](repeating: 0, count: 32))
            let file = try TemporaryFile(archive.archive())
            return try NpzDataset(path: file.path, wanted: { _ in false }, bytesMax: 1 << 20)
        }
        #expect(failure.kind == .invalidDataset && failure.message.contains("pickled"))
    }

    @Test(arguments: [
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1,), 'more': 1}", "{'descr': '<f4', 'shape': (1,)}",
        "{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (1,)}",
        "{", "", "[]", "{'descr': '<f4",
        "{'descr': '<f4', 'fortran_order': 0, 'shape': (1,)}", "{'descr': '<f4', 'fortran_order': False, 'shape': (1)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (-1,)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1,)} + system('x')",
        "{'descr': '\\x3cf4', 'fortran_order': False, 'shape': (1,)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (01,)}",
        "\n {'descr': '<f4', 'fortran_order': False, 'shape': (1,)}",
        " {'descr': '<f4', 'fortran_order': False, 'shape': (1,)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1,)}\n  ",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (\(String(repeating: "1,", count: 40)))}",
    ])
    func `a header that numpy does not write is refused`(dictionary: String) throws {
        let failure = try failure {
            try load { $0.add(entry: "x.npy", NpzBytes.header(dictionary: dictionary) + [0, 0, 0, 0]) }
        }
        #expect(failure == EvaluationFailure(.invalidDataset, "the dataset's array 'x' has a malformed header"))
    }

    @Test func `arrays that are cut or too long are refused`() throws {
        let cut = try failure { try load { $0.add("x", "<f4", shape: "(2,)", [Float(1)]) } }
        #expect(cut == EvaluationFailure(.invalidDataset, "the dataset's array 'x' ends before its last element"))
        let long = try failure { try load { $0.add("x", "<f4", shape: "(1,)", [Float(1), 2]) } }
        #expect(long == EvaluationFailure(.invalidDataset, "the dataset's array 'x' goes on after its last element"))
    }

    @Test(arguments: [[0x93], [UInt8](repeating: 1, count: 99), [0x93] + Array("NUMPY".utf8) + [9, 0, 0, 0]])
    func `an entry that is no array is refused`(bytes: [UInt8]) throws {
        let failure = try failure { try load { $0.add(entry: "x.npy", bytes) } }
        #expect(failure.kind == .invalidDataset)
    }

    @Test(arguments: ["(9223372036854775807, 9223372036854775807)", "(4611686018427387904,)", "(300000,)"])
    func `an array above the limit is refused before memory is taken`(shape: String) throws {
        let failure = try failure { try load { $0.add("x", "<f4", shape: shape, [Float(1)]) } }
        #expect(failure.kind == .resourceLimit)
    }

    @Test func `an archive above the limit is refused by what comes out of it`() throws {
        let failure = try failure {
            try load({ $0.add("x", "|u1", shape: "(1000,)", [UInt8](repeating: 1, count: 1_000)) }, bytesMax: 1_000)
        }
        #expect(failure.kind == .resourceLimit)
    }

    @Test func `a wrong checksum, a repeated name and too many entries are refused`() throws {
        let damaged = try failure { try load({ $0.add("x", "|u1", shape: "(1,)", [UInt8(7)]) }, damaged: true) }
        #expect(damaged.kind == .invalidDataset)
        let repeated = try failure {
            try load {
                $0.add("x", "|u1", shape: "(1,)", [UInt8(7)])
                $0.add("x", "|u1", shape: "(1,)", [UInt8(8)])
            }
        }
        #expect(repeated.message.contains("two entries"))
        let many = try failure { try load { for index in 0...NpzDataset.entriesMax { $0.add(entry: "\(index)", []) } } }
        #expect(many.message.contains("more than"))
    }

    @Test(arguments: [[], Array("no archive at all".utf8), [0x50, 0x4B, 3, 4], [UInt8](repeating: 0, count: 5_000)])
    func `what is no archive is refused`(bytes: [UInt8]) throws {
        let file = try TemporaryFile(bytes)
        let failure = try failure { try NpzDataset(path: file.path, wanted: { _ in false }, bytesMax: 1) }
        #expect(failure.kind == .invalidDataset)
    }

    @Test(arguments: ["/nowhere.npz", "/dev/zero", "/"])
    func `what is no regular file is refused unopened`(path: String) throws {
        #expect(try failure { try NpzDataset(path: path, wanted: { _ in false }, bytesMax: 1) }.kind == .invalidDataset)
    }
}
