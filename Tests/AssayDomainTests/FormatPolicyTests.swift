import AssayDomain
import Testing

struct FormatPolicyTests {
    private static func file(_ path: String, _ format: String, isOpaque: Bool? = nil) -> FileInspection {
        var file = FileInspection(path: path, format: format)
        (file.isOpaque, file.notInspected) = (isOpaque, isOpaque == true ? "compressed by xz" : nil)
        if format == "pickle" { file.imports = ["os.system"] }
        return file
    }

    private static func status(
        _ deny: String, _ files: [FileInspection]?
    ) throws -> RequirementOutcome {
        let policy = try Policy.parse(Array(#"{"version":1,"formats":{"deny":\#(deny)}}"#.utf8))
        var evidence = Evidence(signers: ["k"], signatureFault: nil, contentBytes: 1, relations: [:])
        evidence.inspections = files
        #expect(policy.requirements.contains("formats"))
        return try #require(policy.decide(evidence).outcomes.first { $0.requirement == "formats" })
    }

    @Test(
        arguments: [
            ([], .passed), ([file("a", "safetensors")], .passed),
            ([file("a", "safetensors"), file("b", "pickle")], .failed),
            ([file("a", "opaque", isOpaque: true)], .failed), ([file("a", "onnx", isOpaque: true)], .failed),
            (nil, .missing),
        ] as [([FileInspection]?, RequirementOutcome.Status)])
    func `what is denied, what could be it, and what nobody looked at stand in the way`(
        files: [FileInspection]?, status: RequirementOutcome.Status
    ) throws {
        #expect(try Self.status(#"["pickle"]"#, files).status == status)
    }

    @Test func `the file and what it imports are named`() throws {
        let outcome = try Self.status(#"["pickle","gguf"]"#, [Self.file("x", "gguf"), Self.file("b.bin", "pickle")])
        #expect(outcome.demanded == "no gguf, pickle" && outcome.measured == "'x' is gguf, and 1 more")
        let other = try Self.status(#"["pickle"]"#, [Self.file("x", "gguf"), Self.file("b.bin", "pickle")])
        #expect(other.measured == "'b.bin' is pickle of os.system")
    }

    @Test(arguments: [
        "[]", #"["pickel"]"#, #"["pickle","pickle"]"#, #"["Pickle"]"#, #"["opaque"]"#, #""pickle""#, "null",
    ])
    func `a demand that denies nothing, or what there is not, is refused`(deny: String) {
        #expect(throws: AssayError.self) {
            try Policy.parse(Array(#"{"version":1,"formats":{"deny":\#(deny)}}"#.utf8))
        }
    }

    @Test func `a policy with formats comes back the same`() throws {
        let policy = try Policy.parse(Array(#"{"version":1,"formats":{"deny":["pickle"]}}"#.utf8))
        #expect(try Policy.parse(stored: JSON.encode(policy)) == policy)
    }
}
