import AssayArchive
import Testing

struct TarWriterTests {
    private func archive(_ body: (TarWriter) throws -> Void) throws -> [UInt8] {
        let output = BytesOutput()
        let writer = try TarWriter(output)
        try body(writer)
        try writer.finish()
        return output.bytes
    }

    @Test func `what is written is read back`() throws {
        let large = [UInt8](repeating: 7, count: (1 << 20) + 5)
        let long = String(repeating: "folder/", count: 30) + String(repeating: "n", count: 200)
        let bytes = try archive { writer in
            try writer.add(path: "empty", bytes: [])
            try writer.add(path: long, bytes: [1])
            try writer.begin(path: "large", size: Int64(large.count))
            try large.prefix(10).withUnsafeBytes { try writer.write($0) }
            try large.dropFirst(10).withUnsafeBytes { try writer.write($0) }
            try writer.end()
        }
        var reader = TarReader(BytesInput(bytes))
        #expect(try reader.next()?.path == "empty")
        #expect(try reader.next()?.path == long)
        #expect(try reader.next()?.size == Int64(large.count))
        #expect(try reader.readContent(bytesMax: 2 << 20) == large)
        #expect(try reader.next() == nil)
        #expect(bytes.count.isMultiple(of: 512))
    }

    @Test func `the same members give the same bytes`() throws {
        let once = try archive { try $0.add(path: "a/b", bytes: [1, 2]) }
        #expect(try archive { try $0.add(path: "a/b", bytes: [1, 2]) } == once)
        #expect(once.count == 2048)
    }

    @Test func `a file from 8 GiB has a size that the reader takes`() throws {
        let output = BytesOutput()
        let writer = try TarWriter(output)
        try writer.begin(path: "huge", size: 9 << 30)
        var reader = TarReader(BytesInput(output.bytes))
        let member = try #require(try reader.next())
        #expect(member.path == "huge" && member.size == 9 << 30)
    }

    @Test func `paths that the reader would refuse are not written`() throws {
        let writer = try TarWriter(BytesOutput())
        try writer.add(path: "a", bytes: [])
        for path in ["../x", "/x", "a", "a/b", "x\\y", "modèle"] {
            #expect(throws: ArchiveError.self) { try writer.add(path: path, bytes: []) }
        }
    }

    @Test func `content must have the size that was told`() throws {
        let writer = try TarWriter(BytesOutput())
        try writer.begin(path: "a", size: 2)
        #expect(throws: ArchiveError.self) { try [1, 2, 3].withUnsafeBytes { try writer.write($0) } }
        #expect(throws: ArchiveError.self) { try writer.end() }
    }

    @Test func `the output's own error comes back`() throws {
        final class Full: ByteOutput {
            func write(_ bytes: UnsafeRawBufferPointer) throws { throw SystemError(call: "write", number: 28) }
        }
        #expect(throws: SystemError(call: "write", number: 28)) {
            let writer = try TarWriter(Full())
            try writer.add(path: "a", bytes: [UInt8](repeating: 0, count: 4096))
            try writer.finish()
        }
    }
}
