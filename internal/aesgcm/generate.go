package aesgcm

//go:generate go -C _asm run . -kernels setup -out ../setup_amd64.s -stubs ../setup_amd64.go -pkg aesgcm
//go:generate go -C _asm run . -kernels zmm -out ../zmm_amd64.s -stubs ../zmm_amd64.go -pkg aesgcm
//go:generate go -C _asm run . -kernels ymm -out ../ymm_amd64.s -stubs ../ymm_amd64.go -pkg aesgcm
