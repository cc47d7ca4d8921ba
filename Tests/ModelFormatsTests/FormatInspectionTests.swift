import AssayDomain
import ModelFormats
import ONNXModel
import Testing

/// What files are by their content, and how far hostile ones are read.
struct FormatInspectionTests {
    /// Bytes, and how many of them were read.
    private final class CountedSource: RandomAccessSource {
        let bytes: [UInt8]
        let byteCount: Int
        private(set) var readCount = 0

        /// `byteCount` may be more than there are: the rest is zeros.
        init(_ bytes: [UInt8], byteCount: Int? = nil) {
            self.bytes = bytes
            self.byteCount = byteCount ?? bytes.count
        }

        func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) {
            readCount += buffer.count
            for index in buffer.indices {
                buffer[index] = offset + index < bytes.count ? bytes[offset + index] : 0
            }
        }
    }

    private static func inspect(_ bytes: [UInt8], as path: String = "model.bin") throws -> FileInspection? {
        try FileInspection(reading: BytesSource(bytes), path: path)
    }

    private static func number(_ value: UInt64, _ count: Int) -> [UInt8] {
        (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * UInt64($0))) }
    }

    private static func safetensors(_ header: String, data: Int, length: UInt64? = nil) -> [UInt8] {
        number(length ?? UInt64(header.utf8.count), 8) + Array(header.utf8) + [UInt8](repeating: 0, count: data)
    }

    // MARK: safetensors

    @Test(arguments: ["model.safetensors", "weights.bin"])
    func `a header of safetensors gives tensors, types and texts`(path: String) throws {
        let header =
            #"{"__metadata__":{"format":"pt"},"a":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]},"#
            + #""b":{"dtype":"BF16","shape":[4],"data_offsets":[24,32]}}  "#
        let found = try #require(try Self.inspect(Self.safetensors(header, data: 32), as: path))
        #expect(found.format == "safetensors" && found.tensorCount == 2 && found.parameterCount == 10)
        #expect(found.elementTypes == ["F32": 6, "BF16": 4] && found.notInspected == nil)
        #expect(found.facts == [.init(name: "metadata.format", values: ["pt"])])
    }

    private static let wrongHeaders: [(String, Int, String)] = [
        (
            #"{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"#
                + #""b":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}}"#,
            3, "overlap"
        ),
        (#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}}"#, 12, "hole"),
        (#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#, 9, "bytes behind"),
        (#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#, 7, "ends after the file"),
        (#"{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}}"#, 8, "not those of its shape"),
        (#"{"a":{"dtype":"F32","shape":[9223372036854775807,2],"data_offsets":[0,8]}}"#, 8, "64 bits"),
        (#"{"a":{"dtype":"F32","shape":[9223372036854775808],"data_offsets":[0,8]}}"#, 8, "impossible shape"),
        (#"{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,8]}}"#, 8, "impossible shape"),
        (#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}}"#, 8, "not described"),
        (#"{"a":{"dtype":"X","shape":[2],"data_offsets":[0,8]}}"#, 8, "unknown type"),
        (
            #"{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"#
                + #""a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}}"#,
            8, "no JSON"
        ),
        (#"{"a":"#, 8, "no JSON"), ("[]", 0, "no object"),
    ]

    @Test(arguments: wrongHeaders)
    func `a header of safetensors that is wrong is told and not taken`(
        header: String, data: Int, reason: String
    ) throws {
        let found = try #require(try Self.inspect(Self.safetensors(header, data: data), as: "m.safetensors"))
        #expect(found.notInspected?.contains(reason) == true, "\(found.notInspected ?? "")")
        #expect(found.tensorCount == nil)
    }

    @Test(arguments: [UInt64(1 << 40), 1 << 63, .max, 4])
    func `a header longer than the file, or than is read, is told`(length: UInt64) throws {
        let found = try #require(try Self.inspect(Self.safetensors("{}", data: 0, length: length), as: "m.safetensors"))
        #expect(found.notInspected?.contains("more than the file") == true)
        let large = CountedSource(Self.safetensors("{}", data: 0, length: 100 << 20), byteCount: 200 << 20)
        let long = try FileInspection(reading: large, path: "m.safetensors")
        #expect(long?.notInspected?.contains("are read") == true && large.readCount < 1 << 20)
    }

    // MARK: GGUF

    private static func text(_ text: String) -> [UInt8] { number(UInt64(text.utf8.count), 8) + Array(text.utf8) }

    private static func joined(_ parts: [UInt8]...) -> [UInt8] { parts.flatMap(\.self) }

    private static func list(of type: UInt64, count: UInt64) -> [UInt8] {
        joined(text("k"), number(9, 4), number(type, 4), number(count, 8))
    }

    private static func tensor(_ axes: [UInt64]) -> [UInt8] {
        let shape = axes.flatMap { number($0, 8) }
        return joined(text("w"), number(UInt64(axes.count), 4), shape, number(12, 4), number(0, 8))
    }

    private static func gguf(
        _ pairs: [[UInt8]], tensors: [[UInt8]] = [], keys: UInt64? = nil, tensorCount: UInt64? = nil
    ) -> [UInt8] {
        let counts = [tensorCount ?? UInt64(tensors.count), keys ?? UInt64(pairs.count)]
        let head = joined(Array("GGUF".utf8), number(3, 4), counts.flatMap { number($0, 8) })
        return joined(head, pairs.flatMap(\.self), tensors.flatMap(\.self))
    }

    @Test func `the keys and tensors of a GGUF file are told`() throws {
        let words = (0..<5_000).flatMap { Self.text("word\($0)") }
        let bytes = Self.gguf(
            [
                Self.joined(Self.text("general.architecture"), Self.number(8, 4), Self.text("llama")),
                Self.joined(Self.text("llama.context_length"), Self.number(4, 4), Self.number(4096, 4)),
                Self.joined(
                    Self.text("tokenizer.ggml.tokens"), Self.number(9, 4), Self.number(8, 4), Self.number(5_000, 8),
                    words),
                Self.joined(
                    Self.text("general.tags"), Self.number(9, 4), Self.number(8, 4), Self.number(2, 8),
                    Self.text("a"), Self.text("b")),
            ],
            tensors: [Self.tensor([32, 10])])
        let found = try #require(try Self.inspect(bytes, as: "llm.gguf"))
        #expect(found.format == "gguf" && found.parameterCount == 320 && found.elementTypes == ["Q4_K": 320])
        #expect(
            found.facts == [
                .init(name: "architecture", values: ["llama"]), .init(name: "llama.context_length", values: ["4096"]),
                .init(name: "tags", values: ["a", "b"]),
            ])
        #expect(found.notInspected == nil)
    }

    private static let wrongGGUF: [([UInt8], String)] = [
        (gguf([], keys: 1 << 63), "keys"), (gguf([], tensorCount: .max), "keys"), (gguf([], keys: 1), "ends within"),
        (gguf([number(1 << 63, 8)]), "a text of it"),
        (gguf([list(of: 4, count: 1 << 63)]), "elements"),
        (gguf([list(of: 9, count: 1)]), "lists within lists"),
        (gguf([text("k") + number(99, 4)]), "unknown type"),
        (gguf([], tensors: [tensor([1 << 62, 1 << 62])]), "64 bits"),
        (gguf([], tensors: [text("w") + number(1_000_000, 4)]), "axes"),
        (Array("GGUF".utf8) + number(9, 4), "version"),
    ]

    @Test(arguments: wrongGGUF)
    func `a GGUF file that is wrong is told`(bytes: [UInt8], reason: String) throws {
        let found = try #require(try Self.inspect(bytes))
        #expect(found.format == "gguf" && found.notInspected?.contains(reason) == true, "\(found.notInspected ?? "")")
    }

    // MARK: Pickles

    private static let pickles: [(String, [String])] = [
        // GLOBAL, INST, STACK_GLOBAL from the stack and from the memo, an extension.
        ("cos\nsystem\n(S'id'\ntR.", ["os.system"]),
        ("(S'id'\nios\nsystem\n.", ["os.system"]),
        ("\u{80}\u{4}\u{8C}\u{2}os\u{8C}\u{6}system\u{93}.", ["os.system"]),
        ("\u{80}\u{4}\u{8C}\u{2}os\u{94}\u{8C}\u{6}system\u{94}00h\u{0}h\u{1}\u{93}.", ["os.system"]),
        ("\u{80}\u{4}Vos\nVsystem\n\u{93}.", ["os.system"]),
        ("\u{80}\u{2}\u{82}\u{7}.", ["copyreg extension.7"]),
        ("\u{80}\u{4}N\u{8C}\u{6}system\u{93}.", ["<computed>.system"]),
        // What comes behind what runs does not matter to who loads it.
        ("cos\nsystem\n(S'id'\ntR\u{FF}garbage", ["os.system"]), ("\u{80}\u{2}cos\nsystem\n\u{FF}", ["os.system"]),
        // The second of two.
        ("\u{80}\u{2}N.\u{80}\u{2}cos\nsystem\n.", ["os.system"]), ("\u{80}\u{4}N.", []), ("(dp0\n.\n", []),
        // Several, none with a header; an item set without a call.
        ("L119547037146038801333356L\n.I1001\n.cos\nsystem\n(S'id'\ntR\u{FF}", ["os.system"]),
        ("cos\nenviron\n(S'A'\nS'B'\nu\u{FF}", ["os.environ"]),
        // A list within itself, and tuples that double.
        ("\u{80}\u{2}]q\u{0}h\u{0}a.", []), ("\u{80}\u{4})\u{94}h\u{0}h\u{0}\u{86}\u{94}h\u{1}h\u{1}\u{86}.", []),
    ]

    @Test(arguments: pickles)
    func `a pickle is named with what it imports, whatever it is called`(text: String, imports: [String]) throws {
        let bytes = text.unicodeScalars.map { UInt8($0.value) }
        for path in ["model.bin", "README.md", "config.json", "model.onnx", "m.safetensors", "weights"] {
            let found = try #require(try Self.inspect(bytes, as: path), "\(path)")
            #expect(found.format == "pickle" && found.imports == imports, "\(path)")
        }
    }

    @Test(arguments: [
        "cat\ndog\nbird\n", "contents\n=====\nRed.\n", "", "N", "I", "N.\nwords", "import os\n", "Introduction\nReady.",
        "{}",
        "0.5,1\n",
        "class Foo\nbar\nReady", "(see below)\n", "\u{80}\u{2}", "\u{80}\u{9}cos\nsystem\n.", "R.", "x = 1\n",
        "cos\nsystem\n",
    ])
    func `a text that only begins like one is none`(text: String) throws {
        #expect(try Self.inspect(text.unicodeScalars.map { UInt8($0.value) })?.format != "pickle")
    }

    @Test func `a pickle of too many opcodes is named, and read to the limit`() throws {
        let bytes = [0x80, 2] + Array("cos\nsystem\n".utf8) + [UInt8](repeating: UInt8(ascii: "]"), count: 2_000_000)
        let found = try #require(try Self.inspect(bytes))
        #expect(found.format == "pickle" && found.imports == ["os.system"])
        #expect(found.notInspected?.contains("opcodes") == true)
    }

    @Test func `imports without end are cut`() throws {
        let bytes = [0x80, 2] + (0..<5_000).flatMap { Array("cm\($0)\nf\n0".utf8) } + Array("N.".utf8)
        let found = try #require(try Self.inspect(bytes))
        #expect(found.imports?.count == 200 && found.notInspected?.contains("different imports") == true)
    }

    @Test func `large values of a pickle are passed over unread`() throws {
        let bytes = [0x80, 4, 0x8E] + Self.number(1 << 30, 8)
        let source = CountedSource(bytes, byteCount: 1 << 30 + 11 + 100)
        _ = try FileInspection(reading: source, path: "a.pkl")
        #expect(source.readCount < 4 << 20)
        let huge = [0x80, 4, 0x8E] + Self.number(1 << 63, 8)
        #expect(try Self.inspect([0x80, 4] + Array("cos\nsystem\n".utf8) + huge.dropFirst(2))?.format == "pickle")
    }

    // MARK: Packed

    @Test(
        arguments: [
            [0xFD, 0x37, 0x7A, 0x58, 0x5A, 0], Array("BZh9".utf8), [0x28, 0xB5, 0x2F, 0xFD], [0x04, 0x22, 0x4D, 0x18],
            [0x37, 0x7A, 0xBC, 0xAF], Array("Rar!".utf8), [0x5D, 0, 0, 0x80],
        ] as [[UInt8]])
    func `what is packed so that nobody looks into it could be anything`(start: [UInt8]) throws {
        let found = try #require(try Self.inspect(start + [UInt8](repeating: 1, count: 100), as: "notes.txt"))
        #expect(found.format == "opaque" && found.isOpaque == true && found.notInspected?.isEmpty == false)
    }

    @Test func `what may follow in a packed stream is not passed over`() throws {
        // Nothing at all by gzip, and bytes behind it: readers go on there.
        let empty: [UInt8] = [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 3, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0]
        #expect(try Self.inspect(empty) == nil)
        #expect(try Self.inspect(empty + [1])?.isOpaque == true)
    }

    @Test func `streams that unpack to much are read to a limit, however many there are`() throws {
        // A mebibyte of zeros as a stream of gzip, and many of them in a tar archive.
        var zeros = [UInt8]()
        var size = [UInt8](repeating: 0x30, count: 11) + [0]
        let stream: [UInt8] = [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 3] + Self.deflatedZeros
        for (place, digit) in String(stream.count, radix: 8).utf8.reversed().enumerated() { size[10 - place] = digit }
        var head = [UInt8](repeating: 0, count: 512)
        head.replaceSubrange(124..<136, with: size)
        head.replaceSubrange(148..<156, with: [UInt8](repeating: 0x20, count: 8))
        let sum = String(head.reduce(0) { $0 + Int($1) }, radix: 8)
        head.replaceSubrange(
            148..<156, with: Array(String(repeating: "0", count: 6 - sum.count).utf8) + sum.utf8 + [0, 32])
        for _ in 0..<40 {
            zeros += head + stream + [UInt8](repeating: 0, count: (512 - stream.count % 512) % 512)
        }
        let found = try #require(try Self.inspect(zeros))
        #expect(found.isOpaque == true && found.notInspected?.contains("unpacked") == true, "\(found)")
    }

    /// A fixed block of a literal and of matches of 258 bytes at a distance of 1, over a mebibyte in all.
    private static let deflatedZeros: [UInt8] = {
        var (bytes, bits, count): ([UInt8], UInt32, UInt32) = ([], 0, 0)
        func put(_ value: UInt32, _ width: UInt32) {
            bits |= value << count
            count += width
            while count >= 8 {
                bytes.append(UInt8(bits & 0xFF))
                bits >>= 8
                count -= 8
            }
        }
        put(1, 1)
        put(1, 2)
        put(0b0000_1100, 8)  // The literal 0, its code 00110000 from the first bit on.
        for _ in 0..<4_200 {
            put(0b1010_0011, 8)  // The length 258: symbol 285, code 11000101.
            put(0, 5)  // The distance 1.
        }
        put(0, 7)
        put(0, 7)
        return bytes
    }()

    @Test func `a line without an end hides nothing`() throws {
        let line = [UInt8](repeating: UInt8(ascii: "a"), count: 2 << 20)
        let bytes = Array("V".utf8) + line + Array("\ncos\nsystem\n(tR.".utf8)
        #expect(try Self.inspect(bytes)?.isOpaque == true)
        #expect(try Self.inspect(Array("x".utf8) + line) == nil)
    }

    // MARK: Cards

    @Test func `a model card's front matter is told`() throws {
        let text = """
            ---
            license: other
            license_name: "our own"  # words
            datasets:
              - a/b
              - c
            tags: [x, 'y z']
            base_model: org/base
            base_model_relation: quantized
            model-index:
              - name: m
            widget: |
              datasets: no
            ---
            # Title
            """
        let found = try #require(try Self.inspect(Array(text.utf8), as: "sub/README.md"))
        #expect(found.format == "model-card")
        let facts = Dictionary((found.facts ?? []).map { ($0.name, $0.values) }) { $1 }
        #expect(facts["license"] == ["other"] && facts["license name"] == ["our own"])
        #expect(facts["datasets"] == ["a/b", "c"] && facts["tags"] == ["x", "y z"])
        #expect(facts["base model"] == ["org/base"] && facts["base model relation"] == ["quantized"])
        #expect(try Self.inspect(Array("# Title\n".utf8), as: "README.md") == nil)
        let marked = "\u{FEFF}" + text.replacing("\n", with: "\r\n")
        #expect(try Self.inspect(Array(marked.utf8), as: "README.md")?.facts == found.facts)
    }

    @Test func `front matter of a million keys is told and not taken`() throws {
        let few = "---\n" + (0..<2_000).map { "k\($0): v\n" }.joined() + "---\n"
        #expect(try Self.inspect(Array(few.utf8), as: "README.md")?.notInspected?.contains("keys") == true)
        let many = "---\n" + (0..<1_000_000).map { "k\($0): v\n" }.joined() + "---\n"
        #expect(try Self.inspect(Array(many.utf8), as: "README.md")?.notInspected?.contains("KiB") == true)
    }

    @Test func `what a config and an MLmodel say is told`() throws {
        let config = #"{"architectures":["BertModel"],"model_type":"bert","auto_map":{"AutoModel":"code.Model"}}"#
        let found = try #require(try Self.inspect(Array(config.utf8), as: "config.json"))
        #expect(found.format == "model-config" && found.facts?.first?.values == ["BertModel"])
        #expect(found.facts?.last == .init(name: "own code", values: ["code.Model"]))
        #expect(try Self.inspect(Array(#"{"a":1}"#.utf8), as: "config.json") == nil)
        let adapter = #"{"peft_type":"LORA","base_model_name_or_path":"org/base"}"#
        let lora = try Self.inspect(Array(adapter.utf8), as: "adapter_config.json")
        #expect(lora?.facts?.first == .init(name: "base model", values: ["org/base"]))
        #expect(lora?.facts?.last == .init(name: "base model relation", values: ["adapter"]))
        let deep = String(repeating: "[", count: 100_000)
        #expect(try Self.inspect(Array(deep.utf8), as: "config.json")?.notInspected?.isEmpty == false)
        let mlmodel = "flavors:\n  python_function:\n    loader_module: x\n  sklearn:\n    code: null\nrun_id: r1\n"
        let said = try #require(try Self.inspect(Array(mlmodel.utf8), as: "MLmodel"))
        #expect(said.format == "mlmodel")
        #expect(
            said.facts == [
                .init(name: "flavors", values: ["python_function", "sklearn"]), .init(name: "run", values: ["r1"]),
            ])
    }

    @Test func `an ONNX file that cannot be read says why`() throws {
        let found = try #require(try Self.inspect(Array("nothing".utf8), as: "a.onnx"))
        #expect(found.format == "onnx" && found.notInspected?.contains("not an ONNX model") == true)
    }

    // MARK: Damage

    @Test func `damaged bytes end in an answer`() throws {
        let header = #"{"a":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]}}"#
        let pickle: [UInt8] = [
            0x80, 4, 0x95, 9, 0, 0, 0, 0, 0, 0, 0, 0x8C, 2, 0x6F, 0x73, 0x94, 0x8C, 1, 0x61, 0x93, 0x29, 0x52, 0x2E,
        ]
        let samples = [
            Self.safetensors(header, data: 24), pickle,
            Self.gguf([Self.text("general.name") + Self.number(8, 4) + Self.text("x")]),
            [0x78, 0x9C, 0x4B, 0x04, 0x00, 0x00, 0x62, 0x00, 0x62], [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 0, 0x4B, 4, 0],
        ]
        for sample in samples {
            for index in sample.indices {
                for flip in [1, 0x40, 0x80, 0xFF] as [UInt8] {
                    var damaged = sample
                    damaged[index] ^= flip
                    _ = try Self.inspect(damaged)
                    _ = try Self.inspect(Array(sample.prefix(index)))
                }
            }
        }
    }
}
