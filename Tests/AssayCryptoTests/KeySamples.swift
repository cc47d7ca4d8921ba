import Testing

/// Keys in forms that are refused; made with the openssl command for these tests and used nowhere else.
enum KeySamples {
    struct Sample: Sendable, CustomTestStringConvertible {
        let name: String
        let says: String
        let pem: String

        var testDescription: String { name }
    }

    static let refusedPrivateKeys = [
        Sample(
            name: "encrypted PKCS#8", says: "encrypted",
            pem: """
                -----BEGIN ENCRYPTED PRIVATE KEY-----
                MIHsMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAi/y5WqsJ2aNQICCAAw
                DAYIKoZIhvcNAgkFADAdBglghkgBZQMEASoEEC+Nhksy/8sLTgofx3tyvhcEgZD3
                g8DrmnNDseHPIQ/xEP3FRg0UMXAeoNZRkP+FTTg6GTC/FQrW6IXRkWJADTPAtwkB
                MD17/OdEiDr+HTnmv1UIaK5EtUBD67hlcScaZMsZzjaGngnsOzbtGlU5Hm6xo16t
                OR+aWhpcIxV5T1yfvdpGkBjXNm3a0WitvBqY5+b8pOg03hMpvjHc8oNNuBGEBQ8=
                -----END ENCRYPTED PRIVATE KEY-----
                """),
        Sample(
            name: "encrypted SEC1", says: "encrypted",
            pem: """
                -----BEGIN EC PRIVATE KEY-----
                Proc-Type: 4,ENCRYPTED
                DEK-Info: AES-256-CBC,6B10CA519DD2575C6BD8D112D746373C

                IFhZhVeTz/iCkB19rGredf6wi0e3GIu3d+rM3EeWm9iKhgxpEIGFMW3v/aNiGLGg
                a9XjhpcpRcKl4uTQW2onvaq8z4XkrXd9j5or4wAO7tWQ5NkFBMrbFlP5N/hWPuWw
                nGTNbsq3p2HK4RufIwtMkU+VqDkGOdiq93zxM3hex5s=
                -----END EC PRIVATE KEY-----
                """),
        Sample(
            name: "Ed25519", says: "P-256",
            pem: """
                -----BEGIN PRIVATE KEY-----
                MC4CAQAwBQYDK2VwBCIEIP8xzzDiMJmSoqtIudlp/aJmBR1eyakusxGUzyQ7x4Bn
                -----END PRIVATE KEY-----
                """),
        Sample(
            name: "secp256k1", says: "P-256",
            pem: """
                -----BEGIN PRIVATE KEY-----
                MIGEAgEAMBAGByqGSM49AgEGBSuBBAAKBG0wawIBAQQg24L8idlS7+TUhcAsPysY
                nDl+rwAhAxHk6pd6biuBHP+hRANCAARigELY7mpwbzyMnbnxtgq1fYqze07P/ttK
                Un+hl/C0BXwBElW7xkmOOR2Mfhum+PsyKHoiKWDlnnUfYSR5Qaum
                -----END PRIVATE KEY-----
                """),
        Sample(name: "empty", says: "not one PEM block", pem: ""),
        Sample(name: "text", says: "not one PEM block", pem: "a\nb\nc\n"),
        Sample(name: "header alone", says: "not one PEM block", pem: "-----BEGIN -----\nAA==\n-----END -----\n"),
        Sample(
            name: "not base64", says: "not a private key",
            pem: "-----BEGIN PRIVATE KEY-----\n!!\n-----END PRIVATE KEY-----\n"),
        Sample(name: "large", says: "longer than", pem: String(repeating: "A", count: 20_000)),
    ]

    static let refusedPublicKeys = [
        Sample(
            name: "Ed25519", says: "P-256",
            pem: """
                -----BEGIN PUBLIC KEY-----
                MCowBQYDK2VwAyEAQSU+rm+NKhBVCYJSy6EMKdh3Bu57ebwbD2HvwgtTrPY=
                -----END PUBLIC KEY-----
                """),
        Sample(
            name: "secp256k1", says: "P-256",
            pem: """
                -----BEGIN PUBLIC KEY-----
                MFYwEAYHKoZIzj0CAQYFK4EEAAoDQgAEYoBC2O5qcG88jJ258bYKtX2Ks3tOz/7b
                SlJ/oZfwtAV8ARJVu8ZJjjkdjH4bpvj7Mih6Iilg5Z51H2EkeUGrpg==
                -----END PUBLIC KEY-----
                """),
        Sample(
            name: "certificate", says: "'CERTIFICATE'",
            pem: "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n"),
        Sample(
            name: "empty block", says: "not one PEM block",
            pem: "-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----\n"),
    ]
}
