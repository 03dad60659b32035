// Does what a caller of CUDA and NVENC must not do, one thing after the other, and prints what the double says of each.
#include "../driver/books.h"

#include <ffnvcodec/nvEncodeAPI.h>
#include <stdio.h>
#include <string.h>

CUresult cuInit(unsigned flags);
CUresult cuDevicePrimaryCtxRetain(CUcontext *context, CUdevice device);
CUresult cuDevicePrimaryCtxRelease_v2(CUdevice device);
CUresult cuCtxPushCurrent_v2(CUcontext context);
CUresult cuCtxPopCurrent_v2(CUcontext *context);
CUresult cuMemAllocPitch_v2(CUdeviceptr *pointer, size_t *pitch, size_t width, size_t height, unsigned element);
CUresult cuMemFree_v2(CUdeviceptr pointer);
CUresult cuGraphicsEGLRegisterImage(CUgraphicsResource *resource, void *image, unsigned flags);
CUresult cuGraphicsUnregisterResource(CUgraphicsResource resource);
CUresult cuGraphicsMapResources(unsigned count, CUgraphicsResource *resources, CUstream stream);
CUresult cuGraphicsUnmapResources(unsigned count, CUgraphicsResource *resources, CUstream stream);

enum { WIDTH = 320, HEIGHT = 180 };

static NV_ENCODE_API_FUNCTION_LIST api = {.version = NV_ENCODE_API_FUNCTION_LIST_VER};
static void *session;
static NV_ENC_INPUT_PTR input;
static NV_ENC_OUTPUT_PTR output;

static void say(const char *what) {
	char text[4096];
	fakedriver_report(text, sizeof text);
	char *held = strstr(text, "held:");
	if (held)
		*held = 0;
	printf("%s: %s", what, text[0] ? text : "nothing\n");
}

// initialize opens a stream of H.264 in a chroma format and a profile.
static void initialize(int chroma, GUID profile) {
	NV_ENC_PRESET_CONFIG preset = {.version = NV_ENC_PRESET_CONFIG_VER, .presetCfg.version = NV_ENC_CONFIG_VER};
	api.nvEncGetEncodePresetConfigEx(session, NV_ENC_CODEC_H264_GUID, NV_ENC_PRESET_P1_GUID, NV_ENC_TUNING_INFO_ULTRA_LOW_LATENCY, &preset);
	NV_ENC_CONFIG *c = &preset.presetCfg;
	c->frameIntervalP = 1;
	c->rcParams.rateControlMode = NV_ENC_PARAMS_RC_CBR;
	c->rcParams.averageBitRate = 600000;
	c->rcParams.vbvBufferSize = 10000;
	c->rcParams.enableLookahead = 0;
	c->rcParams.zeroReorderDelay = 1;
	c->encodeCodecConfig.h264Config.repeatSPSPPS = 1;
	c->encodeCodecConfig.h264Config.level = 31;
	c->encodeCodecConfig.h264Config.chromaFormatIDC = chroma;
	c->profileGUID = profile;
	NV_ENC_CONFIG_H264_VUI_PARAMETERS *v = &c->encodeCodecConfig.h264Config.h264VUIParameters;
	v->bitstreamRestrictionFlag = v->videoSignalTypePresentFlag = v->colourDescriptionPresentFlag = 1;
	v->colourPrimaries = v->transferCharacteristics = v->colourMatrix = 6;
	NV_ENC_INITIALIZE_PARAMS p = {
		.version = NV_ENC_INITIALIZE_PARAMS_VER, .encodeGUID = NV_ENC_CODEC_H264_GUID, .presetGUID = NV_ENC_PRESET_P1_GUID,
		.encodeWidth = WIDTH, .encodeHeight = HEIGHT, .frameRateNum = 60, .frameRateDen = 1, .enablePTD = 1, .encodeConfig = c,
	};
	printf("initialize: %d\n", api.nvEncInitializeEncoder(session, &p));
}

static void begin(void) {
	initialize(1, NV_ENC_H264_PROFILE_HIGH_GUID);
	NV_ENC_CREATE_INPUT_BUFFER in = {.version = NV_ENC_CREATE_INPUT_BUFFER_VER, .width = WIDTH, .height = HEIGHT, .bufferFmt = NV_ENC_BUFFER_FORMAT_IYUV};
	api.nvEncCreateInputBuffer(session, &in);
	input = in.inputBuffer;
	NV_ENC_CREATE_BITSTREAM_BUFFER out = {.version = NV_ENC_CREATE_BITSTREAM_BUFFER_VER};
	api.nvEncCreateBitstreamBuffer(session, &out);
	output = out.bitstreamBuffer;
}

static void encode(NV_ENC_INPUT_PTR from, NV_ENC_BUFFER_FORMAT format, unsigned pitch, uint64_t number) {
	NV_ENC_PIC_PARAMS p = {
		.version = NV_ENC_PIC_PARAMS_VER, .inputWidth = WIDTH, .inputHeight = HEIGHT, .inputPitch = pitch, .inputBuffer = from,
		.outputBitstream = output, .bufferFmt = format, .pictureStruct = NV_ENC_PIC_STRUCT_FRAME, .inputTimeStamp = number,
	};
	api.nvEncEncodePicture(session, &p);
}

static void take(void) {
	NV_ENC_LOCK_BITSTREAM lock = {.version = NV_ENC_LOCK_BITSTREAM_VER, .outputBitstream = output};
	api.nvEncLockBitstream(session, &lock);
}

int main(void) {
	CUcontext context, popped;
	CUdeviceptr memory;
	size_t pitch;
	cuInit(0);
	NvEncodeAPICreateInstance(&api);
	cuDevicePrimaryCtxRetain(&context, 0);
	cuMemAllocPitch_v2(&memory, &pitch, WIDTH, HEIGHT * 3 / 2, 16);
	say("allocate without a context");
	cuCtxPushCurrent_v2(context);
	cuMemAllocPitch_v2(&memory, &pitch, WIDTH, HEIGHT * 3 / 2, 16);

	NV_ENC_OPEN_ENCODE_SESSION_EX_PARAMS open = {.deviceType = NV_ENC_DEVICE_TYPE_CUDA, .device = context, .apiVersion = NVENCAPI_VERSION};
	api.nvEncOpenEncodeSessionEx(&open, &session);
	say("open without a version");
	open.version = NV_ENC_OPEN_ENCODE_SESSION_EX_PARAMS_VER;
	api.nvEncOpenEncodeSessionEx(&open, &session);
	NV_ENC_CREATE_BITSTREAM_BUFFER early = {.version = NV_ENC_CREATE_BITSTREAM_BUFFER_VER};
	api.nvEncCreateBitstreamBuffer(session, &early);
	say("a buffer before initializing");
	initialize(2, NV_ENC_H264_PROFILE_HIGH_GUID);
	say("4:2:2, which is an error and no misuse");
	initialize(3, NV_ENC_H264_PROFILE_HIGH_GUID);
	say("4:4:4 in High");
	initialize(1, NV_ENC_H264_PROFILE_HIGH_444_GUID);
	say("4:2:0 in High 4:4:4");
	fakedriver_inject("no-444", 0);
	initialize(3, NV_ENC_H264_PROFILE_HIGH_444_GUID);
	say("4:4:4 on a device without");
	fakedriver_inject("none", 0);
	begin();
	say("begin");
	cuCtxPopCurrent_v2(&popped);
	encode(input, NV_ENC_BUFFER_FORMAT_IYUV, WIDTH, 1);
	take();
	api.nvEncUnlockBitstream(session, output);
	say("encode without the context");
	cuCtxPushCurrent_v2(context);
	take();
	say("lock before encoding");
	NV_ENC_LOCK_INPUT_BUFFER lock = {.version = NV_ENC_LOCK_INPUT_BUFFER_VER, .inputBuffer = input};
	api.nvEncLockInputBuffer(session, &lock);
	encode(input, NV_ENC_BUFFER_FORMAT_IYUV, WIDTH, 2);
	say("encode from a locked buffer");
	api.nvEncUnlockInputBuffer(session, input);
	encode(input, NV_ENC_BUFFER_FORMAT_NV12, WIDTH, 3);
	say("encode in another format");
	encode(input, NV_ENC_BUFFER_FORMAT_IYUV, WIDTH, 1);
	say("the same time stamp again");
	encode(input, NV_ENC_BUFFER_FORMAT_IYUV, WIDTH, 4);
	say("encode before the last one is taken");
	take();
	encode(input, NV_ENC_BUFFER_FORMAT_IYUV, WIDTH, 5);
	say("encode into a locked buffer");
	api.nvEncUnlockBitstream(session, output);
	api.nvEncUnlockBitstream(session, output);
	say("unlock twice");

	NV_ENC_REGISTER_RESOURCE with = {
		.version = NV_ENC_REGISTER_RESOURCE_VER, .resourceType = NV_ENC_INPUT_RESOURCE_TYPE_CUDADEVICEPTR, .width = WIDTH, .height = 4 * HEIGHT,
		.pitch = (uint32_t)pitch, .resourceToRegister = (void *)(uintptr_t)memory, .bufferFormat = NV_ENC_BUFFER_FORMAT_NV12,
	};
	api.nvEncRegisterResource(session, &with);
	say("register more than there is");
	with.height = HEIGHT;
	with.bufferFormat = NV_ENC_BUFFER_FORMAT_YUV420_10BIT;
	api.nvEncRegisterResource(session, &with);
	say("register 10 bits in a stream of 8");
	with.bufferFormat = NV_ENC_BUFFER_FORMAT_NV12;
	api.nvEncRegisterResource(session, &with);
	NV_ENC_MAP_INPUT_RESOURCE map = {.version = NV_ENC_MAP_INPUT_RESOURCE_VER, .registeredResource = with.registeredResource};
	encode(with.registeredResource, NV_ENC_BUFFER_FORMAT_NV12, pitch, 6);
	say("encode what is registered and not mapped");
	api.nvEncMapInputResource(session, &map);
	encode(map.mappedResource, NV_ENC_BUFFER_FORMAT_NV12, pitch, 7);
	api.nvEncUnmapInputResource(session, map.mappedResource);
	say("unmap before locking");
	take();
	api.nvEncUnlockBitstream(session, output);
	cuMemFree_v2(memory);
	api.nvEncUnregisterResource(session, with.registeredResource);
	say("unregister after freeing");
	api.nvEncInvalidateRefFrames(session, 99);
	say("invalidate what was never coded");
	api.nvEncDestroyEncoder(session);
	say("destroy with buffers, unflushed");
	api.nvEncDestroyEncoder(session);
	say("destroy twice");

	static uint8_t pixels[4 * WIDTH * HEIGHT];
	fakedriver_image is = {WIDTH, HEIGHT, 1, 4, 4 * WIDTH, 0, 0, pixels};
	CUgraphicsResource resource, again;
	fakedriver_set_image(pixels, &is);
	cuGraphicsEGLRegisterImage(&resource, pixels, 0);
	cuGraphicsEGLRegisterImage(&again, pixels, 0);
	say("register an image twice");
	cuGraphicsMapResources(1, &resource, NULL);
	cuGraphicsUnmapResources(1, &resource, NULL);
	say("map an image");
	cuGraphicsUnregisterResource(resource);
	cuGraphicsUnregisterResource(resource);
	say("unregister an image twice");
	cuGraphicsEGLRegisterImage(&resource, pixels, 0);
	cuDevicePrimaryCtxRelease_v2(0);
	say("release before an image is unregistered");
	cuDevicePrimaryCtxRelease_v2(0);
	say("release twice");
}
